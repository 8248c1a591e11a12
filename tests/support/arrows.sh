#!/usr/bin/env bash
# The arrows between rooms (docs/architecture.md): which room may include whose headers. A wrong
# arrow is refused here with its file and line, before it becomes a habit.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# room: the rooms that it may include, besides itself
declare -A may=(
  [base]=""
  [loop]="base"
  [config]="base loop webhooks"
  [net]="base loop"
  [templates]="base"
  [webhooks]="base"
  [flows]="base templates"
  [store]="base loop"
  [bot]="base loop config net templates webhooks flows store"
  [tests]="base loop config net templates webhooks flows store bot"
)
# Sets `room`; no process of its own, as there are thousands of includes.
room_of() {
  case $1 in
    bot/base/*) room=base ;;
    bot/loop/*) room=loop ;;
    bot/config/*) room=config ;;
    bot/net/*) room=net ;;
    */*) room=${1%%/*} ;;
    *) room= ;;
  esac
}

bad=0
while IFS=: read -r file line text; do
  header=${text#*\"}
  header=${header%%\"*}
  room_of "$file"; from=$room
  room_of "$header"; to=$room
  if [ -z "$to" ] || [ -z "${may[$to]+known}" ]; then
    # Generated headers (store/sql.h is one of store's) have a folder; anything else is unrooted.
    printf '%s:%s: "%s": write includes from the root of the tree\n' "$file" "$line" "$header"
    bad=1
  elif [ "$from" != "$to" ] && [[ " ${may[$from]} " != *" $to "* ]]; then
    printf '%s:%s: %s may not include %s ("%s")\n' "$file" "$line" "$from" "$to" "$header"
    bad=1
  fi
done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' -r --include='*.c' --include='*.h' \
           bot webhooks flows store templates tests)

# Only one place knows each foreign wire.
while IFS=: read -r file line text; do
  case "$text:$file" in
    *libwebsockets.h*:bot/net/http*) ;;
    *gmime/gmime.h*:webhooks/mime_gmime.h) ;;
    *libpq-fe.h*:store/* | *libpq-fe.h*:tests/*) ;;
    *curl/curl.h*:bot/net/fetch* | *curl/curl.h*:bot/command/* | *curl/curl.h*:tests/*) ;;
    *) printf '%s:%s: this library has a place of its own\n' "$file" "$line"; bad=1 ;;
  esac
done < <(grep -nE '#include <(libwebsockets|libpq-fe|curl/curl|gmime/gmime)\.h>' -r --include='*.c' --include='*.h' \
           bot webhooks flows store templates tests)
exit $bad
