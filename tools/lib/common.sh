# What the tools/*.sh scripts share: where things are, messages, and the choice of compilers.
# shellcheck shell=bash

pipit_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
toolchain="$pipit_root/.toolchain"
debian_emscripten=/usr/share/emscripten

# shellcheck source=../pins.sh
source "$pipit_root/tools/pins.sh"

die() {
  echo "pipit: $*" >&2
  exit 1
}

# version_at_least HAVE WANT
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Prints the version of the Emscripten whose em++ lies in folder $1.
emscripten_version() {
  local file="$1/emscripten-version.txt"
  if [ -r "$file" ]; then
    tr -d '"\n' <"$file"
  else
    "$1/em++" --version 2>/dev/null | sed -n '1s/.* \([0-9][0-9.]*[0-9]\).*/\1/p'
  fi
}

# Prints the folder of the Emscripten to build with, or nothing where there is none yet: PIPIT_EMSCRIPTEN
# if it is set (it is an error if that one cannot be used), else the one on PATH if it is new enough.
find_emscripten() {
  local folder version
  if [ -n "${PIPIT_EMSCRIPTEN:-}" ]; then
    [ -x "$PIPIT_EMSCRIPTEN/em++" ] ||
      die "PIPIT_EMSCRIPTEN is $PIPIT_EMSCRIPTEN, but there is no em++ in that folder. Set it to the folder that holds em++, or unset it."
    version=$(emscripten_version "$PIPIT_EMSCRIPTEN")
    version_at_least "${version:-0}" "$emscripten_minimum" ||
      die "PIPIT_EMSCRIPTEN holds Emscripten ${version:-of unknown version}; pipit needs $emscripten_minimum or newer. Update it, or unset PIPIT_EMSCRIPTEN."
    (cd "$PIPIT_EMSCRIPTEN" && pwd -P)
    return
  fi
  local compiler
  compiler=$(command -v em++) || return 0
  folder=$(dirname "$(readlink -f "$compiler")")
  # Some package managers put a script on PATH that calls the real em++; only em-config knows the folder then.
  if [ ! -d "$folder/cmake" ]; then
    folder=$(em-config EMSCRIPTEN_ROOT 2>/dev/null) || return 0
  fi
  version=$(emscripten_version "$folder")
  if version_at_least "${version:-0}" "$emscripten_minimum"; then
    echo "$folder"
  fi
}
