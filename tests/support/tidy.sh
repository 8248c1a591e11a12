#!/usr/bin/env bash
# clang-tidy with the settings of .clang-tidy, which makes every finding an error.
#
# usage: tidy.sh all | FILE...      needs the preset `clang` configured and built
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-all}" = all ]; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- 'bot/*.c' 'webhooks/*.c' 'flows/*.c' 'store/*.c' 'templates/*.c')
else
  files=("$@")
fi
status=0
found=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/clang 2>/dev/null) ||
  status=1
printf '%s\n' "$found"
exit $status
