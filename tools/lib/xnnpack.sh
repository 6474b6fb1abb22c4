# XNNPACK's sources from Debian's source packages, in .toolchain/xnnpack. apt works on a state of its own there, so
# nothing of the system changes and no root is needed.
# shellcheck shell=bash

# What the build reads of them, as patterns for tar.
# shellcheck disable=SC2034 # read by their names
xnnpack_members=(LICENSE '*.h' '*-gemm/gen/*wasm*.c')
# shellcheck disable=SC2034
pthreadpool_members=('*/LICENSE' '*/include/*.h')
xnnpack_key="$xnnpack_sources ${xnnpack_members[*]} ${pthreadpool_members[*]}"

setup_xnnpack() {
  stamp_matches xnnpack "$xnnpack_key" && return
  local mirror=
  if command -v apt-get >/dev/null; then
    mirror=$(debian_mirror "$debian_release")
    [ -n "$mirror" ] || mirror=$(debian_mirror "$emscripten_release")
  fi
  if [ -z "$mirror" ]; then
    say "XNNPACK's kernel sets are left out: there is no apt that knows a mirror of Debian to fetch its sources from"
    return
  fi
  setup_packages xz-utils
  step "fetching XNNPACK's sources from Debian ($emscripten_release)" xnnpack.log install_xnnpack "$mirror"
}

install_xnnpack() {
  local mirror=$1 name version sha256
  mkdir -p "$work"/{apt/lists/partial,apt/cache,archives,xnnpack}
  apt_source deb-src "$mirror" "$emscripten_release" >"$work/apt/debian.sources"
  private_apt update
  while read -r name version sha256; do
    [ -n "$name" ] || continue
    fetch_source "$name" "$version" "$sha256"
  done <<<"$xnnpack_sources"
  rm -rf "$toolchain/xnnpack"
  mv "$work/xnnpack" "$toolchain/xnnpack"
  write_stamp xnnpack "$xnnpack_key"
}

private_apt() {
  apt-get -o Dir::Etc::SourceList="$work/apt/debian.sources" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# fetch_source NAME VERSION SHA256: unpacks a source package's upstream archive into $work/xnnpack/NAME.
fetch_source() {
  local name=$1 version=$2 sha256=$3
  local -n members=${name}_members
  local archive="$work/archives/${name}_${version%-*}.orig.tar.xz"
  (cd "$work/archives" && private_apt source --download-only --tar-only "$name=$version") ||
    die "the mirror has no source package $name $version."
  echo "$sha256  $archive" | sha256sum --check --quiet ||
    die "the sources of $name $version do not have the pinned SHA-256 $sha256; do not use this mirror."
  mkdir "$work/xnnpack/$name"
  # --touch: what was built from other sources is older.
  tar --extract --touch --file "$archive" --directory "$work/xnnpack/$name" \
    --transform "s,^$name-[^/]*/,," --wildcards "${members[@]}"
}
