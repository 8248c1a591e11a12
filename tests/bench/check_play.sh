#!/usr/bin/env bash
# Whether `play` sees what it is there to see: replies lost, doubled and out of order are counted as
# such and as nothing else, and a good service has none.
#
# usage: check_play.sh BUILD
set -euo pipefail
build=$1
bad=0

# try NAME FIELD MIRROR-OPTIONS...: only FIELD of the flaws may be above zero, and must be.
try() {
  local name=$1 field=$2 mirror found told status=0
  shift 2
  read -r port graph < <(shuf -i 20000-30000 -n 2 | xargs)
  "$build/mirror" --port "$port" --graph "$graph" "$@" &
  mirror=$!
  for _ in $(seq 100); do (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break || sleep 0.05; done
  found=$("$build/play" --target "$port" --graph "$graph" --users 20 --warm 0 --seconds 0.5 --timeout 0.3) || status=$?
  kill $mirror
  wait $mirror 2>/dev/null || true
  told=$(jq -r '[to_entries[] | select(.key | IN("missing", "late", "doubled", "disordered", "unasked", "refused", "broken", "garbled")) | select(.value > 0) | .key] | join(",")' <<<"$found")
  if [ "$told" = "$field" ] && [ "$(jq .turns <<<"$found")" -gt 0 ] && [ $status -eq $([ -z "$field" ] && echo 0 || echo 1) ]; then
    echo "ok: $name"
  else
    echo "FAIL: $name: told \"$told\", ended with $status: $found"
    bad=1
  fi
}

try "a good service has no flaws" ""
try "a lost reply is missing" missing --lose 50
try "a reply that comes twice is doubled" doubled --double 50
# The customer has a reply all the same, but not the one that was due: that one is missing.
try "a reply with an old number is out of order" missing,disordered --swap 50
exit $bad
