#!/usr/bin/env bash
# npm test: sets up, builds and runs every test; goes on after a failure and ends with a summary.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

bash tools/setup.sh
source tools/env.sh

summary=
failures=0

# run NAME COMMAND…
run() {
  local name=$1 start=$SECONDS result=passed
  shift
  echo
  echo "== $name"
  "$@" || {
    result=FAILED
    failures=$((failures + 1))
  }
  summary+=$(printf '%-40s %s, %d s' "$name" "$result" $((SECONDS - start)))$'\n'
}

# unit_tests CTEST_PRESET BUILD_TARGET: says how many tests ran, and fails where none did.
unit_tests() {
  local log="build/$1/tests.log"
  bash tools/build.sh "$2" || return 1
  if ! ctest --preset "$1" --verbose >"$log" 2>&1; then
    grep -vE '\[ +(RUN|OK) +\]|\[-+\]' "$log"
    return 1
  fi
  grep -E '\[=+\] [1-9][0-9]* tests? from .* ran' "$log"
}

run "unit tests, native" unit_tests native native
run "unit tests, ASan and UBSan" unit_tests asan asan
run "unit tests, Wasm in Node" unit_tests wasm wasm-tests
run "the npm package builds" bash tools/build.sh wasm ts
run "the modules are small" node tools/size.mjs
run "the tools" node --test 'tests/tools/**/*.test.mjs'
run "TypeScript and golden data" node --test 'tests/web/**/*.test.ts' 'tests/golden/**/*.test.ts'
# A browser or a bundler that hangs must not hang everything.
limits=(--test-timeout=180000 --test-force-exit)
run "the browsers" node --test "${limits[@]}" 'tests/browser/**/*.test.{mjs,ts}'
run "the package, packed, in bundlers" node --test "${limits[@]}" 'tests/package/*.test.mjs'

echo
echo "== summary"
printf '%s' "$summary"
if [ "$failures" != 0 ]; then
  echo "$failures of the steps failed."
  exit 1
fi
echo "All tests passed in $SECONDS s."
