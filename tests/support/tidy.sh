#!/usr/bin/env bash
# clang-tidy with the settings of .clang-tidy (and of tests/.clang-tidy for the tests), which makes
# every finding an error. `all` is every C file of the tree, tests, fuzzers and sandbox included.
#
# usage: tidy.sh all | FILE...      needs the preset `clang` configured and built
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-all}" = all ]; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- 'bot/*.c' 'webhooks/*.c' 'flows/*.c' 'store/*.c' 'templates/*.c' 'tests/*.c')
else
  files=("$@")
fi
status=0
found=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/clang 2>/dev/null) ||
  status=1
printf '%s\n' "$found"
exit $status
