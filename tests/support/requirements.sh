#!/usr/bin/env bash
# Which tests carry which requirement of docs/requirements.md, and how they went when tests/run last
# ran them here (build/log): a table, and exit status 1 when a requirement has no test, or one that
# failed. A test carries one by its name (otp_3_...), a transcript by its first remark
# (# OTP-3: ...), a script by naming it anywhere.
#
# usage: requirements.sh [--all]     --all names every test, not only the first three
set -euo pipefail
cd "$(dirname "$0")/../.."
shown=3
[ "${1:-}" != --all ] || shown=1000
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# REQUIREMENT PROGRAM TEST: what the tests' names and first lines say.
grep -roE "static void [a-z]+_[0-9]+_[a-z0-9_]+" tests/unit tests/integration tests/e2e --include='*.c' |
  sed -E 's|^.*/([a-z0-9_]+)\.c:static void (([a-z]+)_([0-9]+)_.*)|\3-\4 \1 \2|' |
  awk '{$1 = toupper($1); print}' >"$work/carried"
for chat in tests/scenarios/*.chat; do
  sed -n 1p "$chat" | grep -oE '\b[A-Z]{2,3}-[0-9]+\b' |
    sed "s|\$| test_flows_scenarios $(basename "$chat")|" || true
done >>"$work/carried"
grep -roE "\b[A-Z]{2,3}-[0-9]+\b" tests/e2e tests/support --include='*.mjs' --include='*.sh' |
  grep -v requirements.sh | sed -E 's|^.*/([^/]+):(.*)|\2 - \1|' >>"$work/carried" || true
sort -u -o "$work/carried" "$work/carried"

# PROGRAM how it went, as ctest has told.
cat build/log/*.log 2>/dev/null |
  sed -nE 's/.*Test +#[0-9]+: ([a-z0-9_]+) \.+.*(Passed|Failed|Timeout|Exception).*/\1 \2/p' |
  sort -u >"$work/went" || true

state_of() {
  local programs
  programs=$(awk -v id="$1" '$1 == id && $2 != "-" {print $2}' "$work/carried" | sort -u)
  if grep -wFf <(printf '%s\n' "$programs") "$work/went" | grep -vq Passed; then
    echo FAILED
  elif grep -qwFf <(printf '%s\n' "$programs") "$work/went"; then
    echo passed
  else
    echo 'not run'
  fi
}

printf '%-7s  %5s  %-7s  %s\n' name tests state 'carried by'
while IFS='|' read -r _ id what _; do
  id=${id// /}
  tests=$(awk -v id="$id" '$1 == id {print $3}' "$work/carried")
  n=$(grep -c . <<<"$tests" || true)
  if [ "$n" -gt 0 ]; then
    state=$(state_of "$id")
  elif [[ $what == *'*Later*'* ]]; then
    state=later
  else
    state=NONE
  fi
  case $state in NONE | FAILED) bad=$((bad + 1)) ;; esac
  printf '%-7s  %5d  %-7s  %s%s\n' "$id" "$n" "$state" "$(head -n "$shown" <<<"$tests" | paste -sd' ')" \
    "$([ "$n" -le "$shown" ] || echo ' ...')"
done < <(grep -E '^\| [A-Z]+-[0-9]+ ' docs/requirements.md)
[ "$bad" -eq 0 ] || { echo "$bad without a test that passes"; exit 1; }
