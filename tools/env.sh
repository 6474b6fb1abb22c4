# Sourced by scripts and by people (`source tools/env.sh`): the environment in which pipit is built.
# Sets EMSCRIPTEN_ROOT and what em++ needs (wasm presets), PIPIT_CC and PIPIT_CXX (native presets; yours are kept),
# PIPIT_PYTHON (with numpy and gguf) and PATH.
# shellcheck shell=bash

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case ":$PATH:" in
  *":$pipit_root/node_modules/.bin:"*) ;;
  *) export PATH="$pipit_root/node_modules/.bin:$PATH" ;;
esac

EMSCRIPTEN_ROOT=$(find_emscripten)
export EMSCRIPTEN_ROOT
if [ -n "$EMSCRIPTEN_ROOT" ]; then
  case ":$PATH:" in
    *":$EMSCRIPTEN_ROOT:"*) ;;
    *) export PATH="$EMSCRIPTEN_ROOT:$PATH" ;;
  esac
fi
if [ "$EMSCRIPTEN_ROOT" = "$debian_emscripten" ]; then
  # Debian's Emscripten names the machine's node and binaryen in its configuration; both may be too old.
  if [ -x "$toolchain/binaryen/bin/wasm-opt" ]; then
    export EM_BINARYEN_ROOT="$toolchain/binaryen"
  fi
  export EM_NODE_JS="$pipit_root/node_modules/.bin/node"
fi

export PIPIT_CXX="${PIPIT_CXX:-clang++-19}"
if [ -z "${PIPIT_CC:-}" ]; then
  case "$PIPIT_CXX" in
    *clang++*) PIPIT_CC=${PIPIT_CXX/clang++/clang} ;;
    *g++*) PIPIT_CC=${PIPIT_CXX/g++/gcc} ;;
    *) PIPIT_CC=cc ;;
  esac
fi
export PIPIT_CC
export PIPIT_PYTHON="$toolchain/venv/bin/python"
