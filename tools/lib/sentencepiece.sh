# sentencepiece's sources from the source archive of its Python package, in .toolchain/sentencepiece.
# shellcheck shell=bash

# What the build reads of it, as patterns for tar: encoding with a given model, none of the trainers.
sentencepiece_members=('*/sentencepiece/LICENSE' '*/sentencepiece/src/*.h' '*/sentencepiece/third_party/*'
  '*/src/'{bpe_model,error,model_interface,normalizer,util}.cc '*/src/builtin_pb/sentencepiece_model.*'
  --exclude='*/normalization_rule.h')
sentencepiece_key="$sentencepiece_archive $sentencepiece_metadata ${sentencepiece_members[*]}"

setup_sentencepiece() {
  stamp_matches sentencepiece "$sentencepiece_key" && return
  setup_venv
  step "fetching sentencepiece's sources with pip" sentencepiece.log install_sentencepiece
}

install_sentencepiece() {
  mkdir "$work"/{archives,metadata,sentencepiece}
  local name version sha256 pinned
  for pinned in "$sentencepiece_archive" "$sentencepiece_metadata"; do
    read -r name version sha256 <<<"$pinned"
    echo "$name==$version --hash=sha256:$sha256" >"$work/$name.txt"
  done
  # pip gives out a source archive only after it has asked it for its metadata, which takes setuptools.
  sentencepiece_pip install --only-binary=:all: --target "$work/metadata" -r "$work/setuptools.txt"
  PYTHONPATH="$work/metadata" sentencepiece_pip download --no-binary=:all: --no-build-isolation \
    --dest "$work/archives" -r "$work/sentencepiece.txt"
  # --touch: what was built from other sources is older.
  tar --extract --touch --file "$work"/archives/sentencepiece-*.tar.gz --directory "$work/sentencepiece" \
    --transform 's,^[^/]*/sentencepiece/,,' --wildcards "${sentencepiece_members[@]}"
  rm -rf "$toolchain/sentencepiece"
  mv "$work/sentencepiece" "$toolchain/sentencepiece"
  write_stamp sentencepiece "$sentencepiece_key"
}

sentencepiece_pip() {
  "$toolchain/venv/bin/python" -m pip "$1" --disable-pip-version-check --no-deps --require-hashes "${@:2}"
}
