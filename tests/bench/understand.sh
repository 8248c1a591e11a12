#!/usr/bin/env bash
# How many instructions reading a message takes, and refuses more than 120,000, which is some
# 15 us; and how many of them are the classifier's, of which half is allowed.
#
# usage: understand.sh BUILD     BUILD is a build folder without sanitizers
set -euo pipefail
program=$1/understand
most=120000
most_classifier=60000
if ! command -v valgrind >/dev/null; then
  echo "skipped: valgrind is not here, so the instructions of a message are not counted"
  exit 0
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
instructions() {
  valgrind --tool=callgrind --callgrind-out-file="$out" "$program" "$@" 2>&1 |
    sed -nE 's/.*Collected : ([0-9]+).*/\1/p'
}
few=$(instructions 160)
many=$(instructions 1760)
each=$(((many - few) / 1600))
bare=$((($(instructions 1760 bare) - $(instructions 160 bare)) / 1600))
echo "a message: $each instructions, $("$program" 160000); $bare without the classifier, $("$program" 160000 bare)"
[ "$each" -gt 1000 ] || { echo "that cannot be: was anything counted?"; exit 1; }
[ "$each" -le "$most" ] || { echo "more than $most: what has become slow?"; exit 1; }
[ $((each - bare)) -le "$most_classifier" ] || { echo "the classifier takes $((each - bare)), more than $most_classifier"; exit 1; }
