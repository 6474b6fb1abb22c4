#!/usr/bin/env bash
# npm run check: formatting, lint, types, layers and what must not be in the repository. --fix repairs what can be.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
cd "$pipit_root"

usage() {
  cat <<END
Usage: tools/check.sh [--fix]

Runs clang-format, clang-tidy, prettier, eslint, tsc, shell syntax, the layer check and the check for names of hosts
and machine paths. --fix formats the files and applies what eslint can repair, before checking.
END
}

fix=no
for argument in "$@"; do
  case "$argument" in
    -h | --help)
      usage
      exit
      ;;
    --fix) fix=yes ;;
    *) die "check.sh knows no option '$argument'. See tools/check.sh --help." ;;
  esac
done

bash tools/setup.sh node wasm native
source tools/env.sh
# The tests' types are those of the built package.
bash tools/build.sh ts

# The project's files: those under version control and new ones, not the ignored and not the deleted ones.
files() {
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while IFS= read -r file; do
    [ ! -f "$file" ] || printf '%s\n' "$file"
  done
}

cpp_files() {
  files '*.cc' '*.h'
}

format_cpp() {
  cpp_files | xargs -d '\n' clang-format-19 --dry-run -Werror
}

# The sources the native build compiles. Results are kept by what they depend on, so that only what has changed is
# analysed again.
tidy_cpp() {
  bash tools/build.sh native
  mkdir -p build/tidy
  local key
  key=$(
    clang-tidy-19 --version
    cat .clang-tidy CMakeLists.txt
    files '*.h' | xargs -d '\n' sha256sum
  )
  node -p 'JSON.parse(fs.readFileSync(0)).map(({ file }) => file).join("\n")' <build/native/compile_commands.json |
    grep -F "$pipit_root/src/" | tidy_key=$(sha256sum <<<"$key") xargs -d '\n' -n 1 -P "$(nproc)" bash -c '
      stamp=build/tidy/$({ echo "$tidy_key $1"; cat "$1"; } | sha256sum | cut -c 1-40)
      [ -e "$stamp" ] || { clang-tidy-19 --quiet -p build/native "$1" 2>/dev/null && touch "$stamp"; }' tidy
}

shell_syntax() {
  local file
  files '*.sh' .ci/run | while IFS= read -r file; do bash -n "$file"; done
}

# Written so that this file does not hold the names itself.
hosts='registry[.]npmjs|pypi[.]org|pythonhosted[.]org|deb[.]debian|debian[.]org/debian|(security|ftp|snapshot)[.]debian'
hosts+='|npmmirror[.]com|registry[.]yarnpkg|crates[.]io|proxy[.]golang'
machine_paths='(^|[^A-Za-z0-9_.])/(root|work|home)/[a-zA-Z]'

no_hosts() {
  local found
  found=$(
    files | xargs -d '\n' grep -nIE "$hosts" --
    files '*.cc' '*.h' '*.ts' '*.mjs' '*.sh' '*.json' 'CMake*' '*.md' | xargs -d '\n' grep -nIE "$machine_paths" --
  ) || true
  [ -z "$found" ] || {
    echo "$found"
    return 1
  }
}

summary=
failures=0

# run NAME COMMAND…
run() {
  local name=$1 start=$SECONDS result=fine
  shift
  "$@" || {
    result=FAILED
    failures=$((failures + 1))
  }
  summary+=$(printf '%-28s %s, %d s' "$name" "$result" $((SECONDS - start)))$'\n'
}

if [ "$fix" = yes ]; then
  cpp_files | xargs -d '\n' clang-format-19 -i
  eslint --fix . >/dev/null || true
  prettier --log-level warn --write .
fi

run "clang-format" format_cpp
run "prettier" prettier --log-level warn --check .
run "eslint" eslint .
run "TypeScript" tsc --noEmit
run "TypeScript of the page" tsc --noEmit --project web/demo
run "shell syntax" shell_syntax
run "layers" node tools/check-layers.mjs
run "no hosts, no machine paths" no_hosts
run "clang-tidy" tidy_cpp

echo
printf '%s' "$summary"
if [ "$failures" != 0 ]; then
  echo "$failures of the checks failed; npm run check -- --fix repairs formatting."
  exit 1
fi
