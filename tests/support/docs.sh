#!/usr/bin/env bash
# Whether the documentation is true where a script can tell: links lead somewhere, every metric
# and every command is told, and every library that is linked has its reason.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
bad=0
complain() { printf '%s\n' "$*"; bad=1; }

for page in README.md CONTRIBUTING.md docs/*.md; do
  while read -r link; do
    case $link in http*://* | '#'* | mailto:*) continue ;; esac
    [ -e "$(dirname "$page")/${link%%#*}" ] || complain "$page: leads to $link, which is not there"
  done < <(grep -oE '\]\([^)]+\)' "$page" | sed -E 's/^\]\(|\)$//g')
done

while read -r metric; do
  grep -qw "$metric" docs/operate.md || complain "docs/operate.md: does not tell $metric"
done < <(grep -ohE '"parley_[a-z_]+' bot/metrics*.c | tr -d '"' | sort -u)
while read -r metric; do
  grep -qE "\"$metric\\b" bot/metrics*.c || complain "docs/operate.md: tells $metric, which is no metric"
done < <(grep -oE '`parley_[a-z_]+`' docs/operate.md | tr -d '`' | grep -vxE 'parley_(bot|web|staff|owner)' | sort -u)

commands=$(sed -nE 's/.*&command_([a-z]+),.*/\1/p' bot/main.c | sort -u)
while read -r command; do
  grep -qx "$command" <<<"$commands" || complain "the documentation speaks of parley $command, which is no command"
done < <(grep -ohE '(`|^    |bin/|dev/|release/)parley [a-z]+' README.md CONTRIBUTING.md docs/*.md | sed -E 's/.*parley //' | sort -u)

while read -r package; do
  grep -qw -- "$package" docs/dependencies.md || complain "docs/dependencies.md: no word on $package"
done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' deploy/packages tests/packages)
exit $bad
