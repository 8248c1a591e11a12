#!/usr/bin/env bash
# An operator goes on from the built-in weights: broken rows and unknown intents are refused, and where; what
# makes the model worse is refused, what does not is written.
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

# Few sentences of its own, so that learning takes no time. ROWS say of each that it is about INTENT.
mkdir "$folder/few" "$folder/judged"
printf 'cancel\n  %s\n  %s\ntrack\n  %s\n  %s\n' "quiero anular la mesa" "cancela todo lo que compré" \
  "dónde anda la caja" "cuándo llega el envío" >"$folder/few/es.txt"
printf 'cancel\n' >"$folder/judged/es.txt"
printf '  %s\n' "necesito cancelar mi pedido de ayer" "por favor cancelen la compra urgente" \
  "se puede cancelar todavía una orden" "hola, vengo a cancelar el encargo grande" >>"$folder/judged/es.txt"
rows() { # INTENT
  for what in mesa lavadora bici cortina lámpara silla; do
    for when in "hace un rato" "en mayo" "anoche" "el martes" "por error" "sin mirar"; do
      echo "{\"text\": \"cancelar $what $when\", \"lang\": \"es\", \"intent\": \"$1\"}"
    done
  done
}
learn_few() { # ROWS
  "$program" --from built-in --rows "$folder/$1" --judge "$folder/judged/es.txt" \
    --out "$folder/model.bin" "$folder/few/es.txt" >"$folder/said" 2>&1
}
rows track >"$folder/wrong.jsonl"
if learn_few wrong.jsonl; then fail "a model that takes cancelling for tracking is taken"; fi
grep -q 'worse than before in "es"' "$folder/said" || fail "it does not say where it is worse"
[ ! -e "$folder/model.bin" ] || fail "a worse model is written all the same"
rows cancel >"$folder/right.jsonl"
learn_few right.jsonl || fail "a model that is no worse is refused"
[ -s "$folder/model.bin" ] || fail "a model that is no worse is not written"
echo "broken rows, unknown intents and worse models are refused; a model that is no worse is written"
