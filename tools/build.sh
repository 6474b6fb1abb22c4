#!/usr/bin/env bash
# Builds parts of pipit; quick where nothing has changed. What to build with is set up first.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

usage() {
  cat <<END
Usage: tools/build.sh [TARGET…]

  wasm         the Wasm modules of the npm package, in dist/browser/wasm/
  ts           the TypeScript of the npm package, in dist/; its scripts for browsers only where the modules are built
  native       the unit tests and tools/quantize for this machine, in build/native/
  asan         the same with AddressSanitizer and UndefinedBehaviorSanitizer, in build/asan/
  wasm-tests   the same as Wasm for Node, in build/wasm/
  kernel-bench the benchmark of the kernels as Wasm for Node, in build/wasm/

Without a TARGET it builds wasm and ts.
END
}

# configure PRESET: only where there is no build folder yet or what it depends on beside CMake's own files has changed.
configure() {
  local stamp="build/$1/configured" key
  key=$(
    cat CMakePresets.json
    echo "$EMSCRIPTEN_ROOT $(emscripten_version "$EMSCRIPTEN_ROOT") $PIPIT_CC $PIPIT_CXX"
    cat .toolchain/stamps/{xnnpack,sentencepiece} 2>/dev/null || true
  )
  if [ ! -e "build/$1/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    rm -f "$stamp"
    cmake --preset "$1" --fresh >"$log" 2>&1 || fail "cmake --preset $1"
    echo "$key" >"$stamp"
  fi
}

# cmake_build CONFIGURE_PRESET BUILD_PRESET
cmake_build() {
  configure "$1"
  cmake --build --preset "$2" >"$log" 2>&1 || fail "cmake --build --preset $2"
}

fail() {
  cat "$log" >&2
  die "$1 failed."
}

build_wasm() {
  cmake_build wasm wasm
  local file
  mkdir -p dist/browser/wasm
  for file in build/wasm/pipit-*.mjs build/wasm/pipit-*.wasm; do
    cmp --silent "$file" "dist/browser/wasm/${file##*/}" || cp "$file" dist/browser/wasm/
  done
  # The modules hold some of these.
  if [ -e .toolchain/xnnpack ]; then
    cp .toolchain/xnnpack/xnnpack/LICENSE dist/browser/wasm/LICENSE-XNNPACK
  fi
  cat .toolchain/sentencepiece/{LICENSE,third_party/{protobuf-lite,darts_clone}/LICENSE} \
    >dist/browser/wasm/LICENSE-SENTENCEPIECE
}

# Everything tsc's result depends on; listing it is quicker than asking tsc.
typescript_key() {
  find web/src tsconfig.json tsconfig.build.json package-lock.json -type f -printf '%p %s %T@\n' | sort | sha256sum
}

build_ts() {
  local stamp=dist/.typescript key
  key=$(typescript_key)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    rm -f "$stamp"
    # What an earlier version of the sources left behind must not be found by an import.
    [ ! -d dist ] || find dist -type f -not -path 'dist/browser/wasm/*' -delete
    tsc --project tsconfig.build.json >"$log" 2>&1 || fail "tsc"
    rm -f dist/browser/*.js # made by bundle
    chmod +x dist/node/cli.js # npx runs it
    mkdir -p dist
    echo "$key" >"$stamp"
  fi
}

# bundle: the scripts for browsers, as soon as there are both the TypeScript and the modules' glue.
bundle() {
  [ -e dist/.typescript ] && compgen -G 'dist/browser/wasm/*.mjs' >/dev/null || return 0
  local stamp=dist/browser/.bundle key
  key=$(cat tools/bundle.mjs dist/.typescript dist/browser/wasm/*.mjs | sha256sum)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    rm -f "$stamp"
    node tools/bundle.mjs >"$log" 2>&1 || fail "tools/bundle.mjs"
    echo "$key" >"$stamp"
  fi
}

targets=()
components=(node)
for argument in "$@"; do
  case "$argument" in
    -h | --help)
      usage
      exit
      ;;
    wasm | wasm-tests | kernel-bench) components+=(wasm xnnpack sentencepiece) ;;
    native | asan) components+=(native sentencepiece) ;;
    ts) ;;
    *) die "build.sh knows no target '$argument'. See tools/build.sh --help." ;;
  esac
  targets+=("$argument")
done
if [ ${#targets[@]} = 0 ]; then
  targets=(wasm ts)
  components+=(wasm xnnpack sentencepiece)
fi
case " ${targets[*]} " in *" wasm-tests "*) components+=(native) ;; esac
case " ${targets[*]} " in *" wasm "* | *" ts "*) targets+=(bundle) ;; esac

bash tools/setup.sh "${components[@]}"
source tools/env.sh

# One build at a time: two would write the same files.
mkdir -p build
if command -v flock >/dev/null; then
  exec 8>build/lock
  flock 8
fi
log=build/log
announced=build/announced
notice=

# announce TARGET: says how far a build is; only one that has something to do takes long enough.
announce() {
  sleep 1 >/dev/null 2>&1
  echo "building $1…" >&2
  : >"$announced"
  while sleep 15 >/dev/null 2>&1; do
    echo "  still at it, $((SECONDS - start)) s $(grep -o '^\[[0-9]*/[0-9]*\]' "$log" | tail -n 1)" >&2
  done
}

trap '[ -z "$notice" ] || kill "$notice" 2>/dev/null || true' EXIT
for target in "${targets[@]}"; do
  start=$SECONDS
  rm -f "$announced"
  announce "$target" 8>&- &
  notice=$!
  case "$target" in
    wasm) build_wasm ;;
    ts) build_ts ;;
    bundle) bundle ;;
    native) cmake_build native native ;;
    asan) cmake_build asan asan ;;
    wasm-tests) cmake_build wasm wasm-tests ;;
    kernel-bench) cmake_build wasm kernel-bench ;;
  esac
  kill "$notice" 2>/dev/null
  wait "$notice" 2>/dev/null || true
  notice=
  if [ -e "$announced" ]; then
    echo "  done in $((SECONDS - start)) s" >&2
  fi
done
