#!/usr/bin/env bash
# An operator goes on from the built-in weights: broken rows and unknown intents are refused, and where.
#
# usage: train.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1/parley-train
if ! [ -x "$program" ]; then
  echo "skipped: liblinear-dev is not here, so parley-train is not built"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
learn() { # ROWS: by our own sentences and these
  "$program" --from built-in --rows "$folder/$1" --judge flows/understand/train/judged/es.txt \
    --out "$folder/model.bin" flows/understand/train/sentences/es.txt >"$folder/said" 2>&1
}
fail() {
  echo "$1"
  cat "$folder/said"
  exit 1
}

echo '{"text": "where", "lang": "en"}' >"$folder/broken.jsonl"
if learn broken.jsonl; then fail "a row without an intent is taken"; fi
grep -q "broken.jsonl:1: a row has" "$folder/said" || fail "it does not say where"
echo '{"text": "where", "lang": "en", "intent": "unheard_of"}' >"$folder/unknown.jsonl"
if learn unknown.jsonl; then fail "an intent that nobody knows is taken"; fi
grep -q 'knows no intent "unheard_of"' "$folder/said" || fail "it does not say which"
[ ! -e "$folder/model.bin" ] || fail "something is written all the same"
echo "broken rows and unknown intents are not learnt"
