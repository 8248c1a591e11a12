#!/usr/bin/env bash
# How many instructions reading a message takes, and refuses more than 50,000, which is some 15 us.
#
# usage: understand.sh BUILD     BUILD is a build folder without sanitizers
set -euo pipefail
program=$1/understand
most=50000
if ! command -v valgrind >/dev/null; then
  echo "skipped: valgrind is not here, so the instructions of a message are not counted"
  exit 0
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
instructions() {
  valgrind --tool=callgrind --callgrind-out-file="$out" "$program" "$1" 2>&1 |
    sed -nE 's/.*Collected : ([0-9]+).*/\1/p'
}
few=$(instructions 160)
many=$(instructions 1760)
each=$(((many - few) / 1600))
echo "a message: $each instructions, $("$program" 160000)"
[ "$each" -gt 1000 ] || { echo "that cannot be: was anything counted?"; exit 1; }
[ "$each" -le "$most" ] || { echo "more than $most: what has become slow?"; exit 1; }
