#!/usr/bin/env bash
# The README's commands, as a stranger gives them: the demo comes up, a chat by pipe is answered
# with the menu and that customer's orders, the page works in a browser (with --page), the doctor
# has nothing to mend, and --stop leaves no process.
set -euo pipefail
cd "$(dirname "$0")/../.."
state=$(mktemp -d "${TMPDIR:-/tmp}/parley-e2e.XXXXXX")
port=$((20000 + RANDOM % 12000)) # below those that outgoing connections take
chat=$state.chat

finish() {
  local status=$?
  if [ $status -ne 0 ]; then
    for log in service sandbox; do
      echo "--- $log.log"
      tail -n 15 "$state/$log.log" 2>/dev/null || true
    done
  fi
  deploy/demo --stop --state "$state" >/dev/null 2>&1 || true
  # Run by root the cluster is not in the state folder, which its user cannot enter.
  rm -rf "$(cat "$state/pg.where" 2>/dev/null || echo "$state/pg")" "$state" "$chat" "$chat".*
  exit $status
}
trap finish EXIT
fail() { echo "demo: $*"; exit 1; }

# A slip of the hand is told in words, never by a silent end.
for slip in --port --state --later "--port x" "--port 0" "--later 25" --nope; do
  # shellcheck disable=SC2086
  told=$(deploy/demo $slip 2>&1) && fail "deploy/demo $slip is taken"
  [[ $told == "deploy/demo: "* ]] || fail "deploy/demo $slip says nothing of use: $told"
done

# What is sent is held against Meta's published description, too, where that is at hand.
description=$PWD/../shared/providers/meta-whatsapp.openapi.json
if [ -f "$description" ]; then
  export SANDBOX_OPENAPI=$description
  export SANDBOX_TWILIO_OPENAPI=${description%/*}/twilio-messages.openapi.json
  export SANDBOX_STRIPE_OPENAPI=${description%/*}/stripe.mock.openapi.json
  export SANDBOX_RESEND_OPENAPI=${description%/*}/resend.openapi.json
else
  echo "skipped: ../shared is not here"
fi

timeout 120 deploy/demo --detach --port $port --state "$state"
# shellcheck disable=SC1091
. "$state/demo.env"

printf 'hi\nverify\n/code\norders\n' | timeout 60 build/release/parley chat --as +15550100001 --env "$state/demo.env" >"$chat" ||
  fail "the chat failed: $(cat "$chat")"
cat "$chat"
grep -q '1. My orders' "$chat" || fail "no menu in the chat"
grep -q "Thank you, it's you" "$chat" || fail "the code that came by SMS is not taken"
grep -qE '[A-Z]+-?[0-9]{3,}' "$chat" || fail "no order number in the chat"

# The same by SMS and by mail, where a number is written and a code may come by itself.
for channel in sms email; do
  printf '%s\n' hi 8 | timeout 60 build/release/parley chat --as +15550100001 --channel $channel \
    --quiet 1500 --env "$state/demo.env" >"$chat" || fail "the chat by $channel failed: $(cat "$chat")"
  grep -qE '^1\.? My orders' "$chat" || fail "no menu by $channel: $(cat "$chat")"
done
grep -q 'Subject: ' "$chat" || fail "a mail without a subject: $(cat "$chat")"

# Every kind of reply: texts, menus, lists and their next page, buttons, a link, receipts; by several at once.
long=()
for who in +15550100001 +15550100002 +15550100003 +15550100004; do
  printf '%s\n' hi verify /code orders 1 2 3 back menu 1 more "where is my order?" 1 2 help gibberish stop start |
    timeout 60 build/release/parley chat --as $who --env "$state/demo.env" >"$chat.$who" &
  long+=($! $who)
done
for ((i = 0; i < ${#long[@]}; i += 2)); do
  wait "${long[i]}" || fail "the long chat of ${long[i + 1]} failed: $(tail -20 "$chat.${long[i + 1]}")"
done
refused=$(curl -fsS "${PARLEY_PAGE_URL}control/violations")
grep -q '"refused": *0, *"undescribed": *0' <<<"$refused" || fail "the Graph API refused: $refused"

timeout 60 build/release/parley --config "$state/parley.yaml" doctor || fail "the doctor finds something"
if [ "${1:-}" = --page ]; then
  # Different people, beside each other; the last lets a day pass for all of them.
  timeout 300 node tests/e2e/channels.mjs --env "$state/demo.env" >"$chat.channels" 2>&1 &
  channels=$!
  for part in page story; do
    timeout 180 node tests/e2e/$part.mjs --env "$state/demo.env"
  done
  wait $channels && cat "$chat.channels" || { cat "$chat.channels"; exit 1; }
  # Its thousand events are told to every page that is open: nobody is to stand there meanwhile.
  timeout 180 node tests/e2e/interop.mjs --env "$state/demo.env"
  timeout 120 node tests/e2e/story_shop.mjs --env "$state/demo.env"
fi

# Once more with a mail server, which wants STARTTLS and a password.
timeout 60 deploy/demo --detach --smtp --port $port --state "$state" >/dev/null
timeout 60 /usr/bin/python3 tests/e2e/smtp.py "$state" || fail "mail by SMTP"

# The README's event, word for word, before and after a day has passed: it is signed and dated by the demo's clock.
push() {
  sed -n '/^\. \.demo\/demo\.env/,/^```$/p' README.md | sed '$d' | sed "s#\.demo#$state#g" | bash
}
kept=$(push) && grep -q '"kept":1' <<<"$kept" || fail "the README's event is not taken: $kept"
before=$(($("$state/date" +%s) - $(date +%s))) # the shop's story has let a day pass already
deploy/demo --later 25h --state "$state"
kept=$(push) && grep -q '"kept":1' <<<"$kept" || fail "the README's event is not taken a day later: $kept"
ahead=$(($("$state/date" +%s) - $(date +%s) - before))
((ahead >= 25 * 3600 - 5 && ahead <= 25 * 3600 + 5)) || fail "the demo's date went $ahead seconds ahead, not 25 hours"

deploy/demo --stop --state "$state"
! grep -n 'Assertion\|AddressSanitizer' "$state/service.log" "$state/sandbox.log" || fail "a process did not end well"
left=$(pgrep -af -- "$state" | grep -v "demo.sh\|pgrep" || true)
[ -z "$left" ] || fail "processes are left after --stop: $left"

# The folder of the demo that was started last is gone: then the one of the checkout is meant.
elsewhere=$state/checkout
mkdir -p "$elsewhere/deploy" "$elsewhere/build"
cp deploy/demo "$elsewhere/deploy/"
echo "$state/gone" >"$elsewhere/build/demo.state"
said=$("$elsewhere/deploy/demo" --stop)
grep -qF "there is no $elsewhere/.demo" <<<"$said" || fail "--stop looks for a folder that is gone: $said"
