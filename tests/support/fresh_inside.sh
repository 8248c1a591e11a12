#!/usr/bin/env bash
# The part of tests/support/fresh.sh that runs inside the bare system. First argument: whether
# the tests are run, too ("yes"); the others are theirs.
set -euo pipefail
tests=$1
shift
cd /parley
[ ! -e ../shared ] || { echo "fresh: ../shared is here, so nothing is proved" >&2; exit 1; }
fail() { echo "fresh: $*" >&2; exit 1; }
seconds() { echo $(($(date +%s) - $1)); }
apt-get update -q >/dev/null

started=$(date +%s)
deploy/demo --detach --port 18080 --state /tmp/x
first=$(seconds "$started")
echo "fresh: the demo is up after $first s, packages and build included"
[ "$first" -le 300 ] || fail "that is more than 5 minutes"

printf 'hi\norders\n' | build/release/parley chat --as +15550100001 >/tmp/chat || fail "the chat failed"
cat /tmp/chat
grep -qi 'order' /tmp/chat || fail "the chat shows no orders"
deploy/demo --stop
# This pid namespace holds nothing but us: whoever else is here was left behind. No ps, since a
# bare system has none.
left=""
for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  [ "$pid" != $$ ] && [ "$pid" != 1 ] || continue
  command=$(tr '\0' ' ' <"$process/cmdline" 2>/dev/null || true)
  case $command in
    "" | *fresh*) ;;
    *) left="$left $pid($command)" ;;
  esac
done
[ -z "$left" ] || fail "processes are left after --stop:$left"

started=$(date +%s)
deploy/demo --detach --port 18080 --state /tmp/x
again=$(seconds "$started")
deploy/demo --stop
echo "fresh: the second start took $again s"
[ "$again" -le 10 ] || fail "that is more than 10 seconds"

[ "$tests" = yes ] || exit 0
tests/run "$@"
