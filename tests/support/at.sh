#!/usr/bin/env bash
# What knows the time, at another one: the integration tests, their service, sandbox and PostgreSQL by a clock that
# is ahead or behind (tests/e2e/clock.c).
#
#   tests/support/at.sh MOMENT BUILD AT_ONCE     2027-03-14T06:59:30Z build/asan 8
set -euo pipefail
cd "$(dirname "$0")/../.."
moment=$1 build=$2
clock=$(mktemp -d "${TMPDIR:-/tmp}/parley-at.XXXXXX")
# A cluster that is kept was made at its moment, and partitions are made for the days ahead.
trap 'rm -rf "$clock" "$build"/pg-*' EXIT
rm -rf "$build"/pg-*
chmod 755 "$clock" # PostgreSQL's user reads it, too
cc -O2 -shared -fPIC -o "$clock/clock.so" tests/e2e/clock.c
node -e 'const at = Buffer.alloc(8); at.writeBigInt64LE(BigInt(Date.parse(process.argv[1]) - Date.now()) * 1000n); process.stdout.write(at)' "$moment" >"$clock/ahead"
chmod 644 "$clock"/*

# Left out are those that take long and know no date, and the doctor's, which clears its environment.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
LD_PRELOAD=$clock/clock.so DEMO_CLOCK=$clock/ahead ctest --test-dir "$build" -L '^integration$' \
  -E '^test_(doctor|workflow_command|service_(mail_in|spool|photos|files|faults|reload|channels|deaths|lanes|attacks|hostile|bundles|codes|explain)|store_(db|migrate|chain))$' -j "$3" \
  --output-on-failure --no-tests=error
