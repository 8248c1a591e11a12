#!/usr/bin/env bash
# What nobody uses: named SQL statements that no C asks for, and words that nothing says. Both
# would go on being translated, migrated and prepared for nobody.
#
# Words are used where their key stands in a flow, in C, in SQL or in other words ({{> key}}); or
# as one of a family: `titles: menu.row` with its choices, {{> cancel.why.(verdict.why)}}; `.hint`
# and `.label` belong to the key before them.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
bad=0
# Said by no flow, and yet ours: the words in which a voice will read an order (ORD-9).
meant=order.read_aloud
complain() { printf '%s\n' "$*"; bad=1; }
code() { find bot store flows templates webhooks \( -name '*.c' -o -name '*.h' \) -exec cat {} +; }

asked=$(code | grep -oE '\bSQL_[A-Z0-9_]+' | sort -u)
while IFS=: read -r file name; do
  grep -qx "SQL_${name^^}" <<<"$asked" || complain "$file: nothing asks for the statement $name"
done < <(sed -nsE '/^-- name: /{s/^-- name: *([a-z0-9_]+).*/\1/;F;p}' store/sql/*.sql | paste -d: - -)

words=templates/messages/en.yaml
key='[a-z][a-z0-9_]*(\.[a-z0-9_]+)+'
said=$({ code; cat flows/*.yaml templates/whatsapp/*.yaml store/sql/*.sql store/migrations/*.sql; sed -E "s/^$key://" $words; } |
  grep -oE "$key" | sort -u)
families=$({ sed -nE 's/.*titles: *([a-z0-9_.]+).*/\1/p' flows/*.yaml
  grep -ohE '\{\{> *[a-z0-9_.]+\.\(' $words | sed -E 's/\{\{> *//; s/\.\($//'
  code | grep -oE '"[a-z0-9_.]+\.(%s)?"' | sed -E 's/"//g; s/\.(%s)?$//'; } | sort -u)
while read -r one; do complain "templates/messages: nothing says $one"; done < <(
  grep -oE "^$key:" $words | tr -d : | awk -v said="$said"$'\n'"$meant" -v families="$families" '
    BEGIN { n = split(said, list, "\n"); for (i = 1; i <= n; i++) is_said[list[i]] = 1
            n = split(families, list, "\n"); for (i = 1; i <= n; i++) is_family[list[i]] = 1 }
    { base = $0; sub(/\.(hint|label)$/, "", base); known = ($0 in is_said) || (base in is_said)
      while (!known && sub(/\.[^.]*$/, "", base)) known = base in is_family
      if (!known) print }')
exit $bad
