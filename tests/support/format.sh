#!/usr/bin/env bash
# Whether every C file is as clang-format would write it, and no text file has stray blanks.
# `format.sh --fix` writes them so.
set -euo pipefail
cd "$(dirname "$0")/../.."
files() { git ls-files --cached --others --exclude-standard -- '*.c' '*.h'; }
if [ "${1:-}" = --fix ]; then
  files | xargs clang-format -i
  exit
fi
files | xargs -P "$(nproc)" -n 20 clang-format --dry-run -Werror
if git grep -nIE '[[:blank:]]+$' -- ':!*.json' ':!tests/fuzz/corpus' ':!LICENSE' ':!*.bin' ':!*.patch'; then
  echo "blanks at the end of lines (above)"
  exit 1
fi
