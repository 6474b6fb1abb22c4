#!/usr/bin/env bash
# npm run bench, bench:kernels, bench:browser, bench:peers: sets up and builds what a benchmark needs, then runs it.
# Usage: tools/bench.sh FILE [argument…], FILE being a program in benchmarks/.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

program=$1
shift

targets=(wasm ts)
components=(node wasm)
case "$program" in
  kernels.mjs) targets+=(kernel-bench) ;;
  *) components+=(model) ;;
esac
bash tools/setup.sh "${components[@]}"
bash tools/build.sh "${targets[@]}"
if [ "$program" = peers/run.mjs ] && [ ! -e benchmarks/peers/node_modules ]; then
  npm install --no-save --prefix benchmarks/peers >&2
fi
exec node_modules/.bin/node "benchmarks/$program" "$@"
