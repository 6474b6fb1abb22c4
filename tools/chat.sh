#!/usr/bin/env bash
# npm run chat: sets up and builds what a chat needs, silently where nothing is missing, and starts it.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

bash "$pipit_root/tools/setup.sh" node wasm model
bash "$pipit_root/tools/build.sh" wasm ts
exec "$pipit_root/node_modules/.bin/node" "$pipit_root/dist/node/cli.js" chat --model smollm2-135m-instruct-q4_1 "$@"
