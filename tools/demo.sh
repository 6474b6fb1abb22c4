#!/usr/bin/env bash
# npm start, npm run build:demo, npm run screenshots: sets up and builds what the demo page needs, then serves, writes or
# pictures it.
# Usage: tools/demo.sh FILE [argument…], FILE being serve-demo.mjs, build-demo.mjs or screenshots.mjs.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

program=$1
shift

components=(node wasm xnnpack sentencepiece)
if [ "$program" != build-demo.mjs ]; then components+=(model); fi
if [ "$program" = screenshots.mjs ]; then components+=(browsers); fi
bash tools/setup.sh "${components[@]}"
bash tools/build.sh wasm ts
exec node_modules/.bin/node "tools/$program" "$@"
