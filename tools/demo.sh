#!/usr/bin/env bash
# npm start, npm run build:demo: sets up and builds what the demo page needs, then serves or writes it.
# Usage: tools/demo.sh FILE [argument…], FILE being serve-demo.mjs or build-demo.mjs.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

program=$1
shift

components=(node wasm xnnpack)
if [ "$program" = serve-demo.mjs ]; then components+=(model); fi
bash tools/setup.sh "${components[@]}"
bash tools/build.sh wasm ts
exec node_modules/.bin/node "tools/$program" "$@"
