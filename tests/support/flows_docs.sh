#!/usr/bin/env bash
# Does what docs/flows.md teaches: in "A flow in ten minutes" every block with file=NAME is written,
# one with append=NAME is added, one with now=NAME is compared, and every command of a console block
# is run and must say what stands below it ("..." stands for anything).
#
# usage: flows_docs.sh PARLEY     PARLEY is the built program
set -euo pipefail
parley=$(realpath "$1")
cd "$(dirname "$0")/../.."
page=$PWD/docs/flows.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/flows" "$work/templates"
ln -s "$parley" "$work/bin/parley"
cp flows/*.yaml "$work/flows/"
cp -r templates/messages "$work/templates/"
cd "$work"
export PATH=$work/bin:$PATH
bad=0
done_things=0

complain() { printf '%s\n' "$*"; bad=1; }

# run COMMAND EXPECTED
run() {
  local said
  said=$(bash -c "$1" 2>&1) || true
  # shellcheck disable=SC2053
  [[ $said == ${2//.../*} ]] || complain "\$ $1" "says:" "$said" "and docs/flows.md has:" "$2"
  done_things=$((done_things + 1))
}

console() {
  local line command="" expected=""
  while IFS= read -r line; do
    if [[ $line == '$ '* ]]; then
      [ -z "$command" ] || run "$command" "$expected"
      command=${line#\$ } expected=""
    else
      expected+=${expected:+$'\n'}$line
    fi
  done <"$1"
  [ -z "$command" ] || run "$command" "$expected"
}

block() { # INFO FILE
  local name=${1#*=}
  case $1 in
    *' file='*) mkdir -p "$(dirname "$name")" && cp "$2" "$name" ;;
    *' append='*) cat "$2" >>"$name" ;;
    *' now='*) diff -u "$2" "$name" || complain "$name is not what docs/flows.md shows" ;;
    console) console "$2" ;;
    *) return 0 ;;
  esac
  done_things=$((done_things + 1))
}

inside=no
info=""
while IFS= read -r line; do
  case $line in
    '## A flow in ten minutes') inside=yes ;;
    '## '*) inside=no ;;
  esac
  [ $inside = yes ] || continue
  if [[ $line == '```'* && -z $info ]]; then
    info=${line#\`\`\`}
    : >"$work/block"
  elif [[ $line == '```' ]]; then
    block "$info" "$work/block"
    info=""
  elif [ -n "$info" ]; then
    printf '%s\n' "$line" >>"$work/block"
  fi
done <"$page"
[ $done_things -ge 20 ] || complain "only $done_things things were done: where has the lesson gone?"
echo "$done_things things of docs/flows.md were done"
exit $bad
