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

# Pictures, and files that are named in code: they exist, pictures are small and told in words.
for page in README.md CONTRIBUTING.md docs/*.md; do
  while read -r picture; do
    file=$(dirname "$page")/$picture
    [ -s "$file" ] || { complain "$page: shows $picture, which is not there"; continue; }
    [ "$(stat -c %s "$file")" -lt 120000 ] || complain "$picture: over 120 kB"
  done < <(grep -oE '<img src="[^"]+"' "$page" | sed -E 's/.*src="//; s/"$//')
  ! grep -E '<img ' "$page" | grep -oE '<img [^>]*>' | grep -vqE 'alt="[^"]{10,}"' ||
    complain "$page: a picture without words (alt)"
  while read -r file; do
    [ -e "$file" ] || complain "$page: names $file, which is not there"
  done < <(grep -ohE '`(tests|deploy|store|flows|templates|webhooks|bot)/[A-Za-z0-9_./-]+\.(c|h|sh|sql|yaml|mjs|md|service)`' "$page" | tr -d '`' | grep -v NAME | sort -u)
  while read -r step; do
    grep -qE "^do_$step\(\)|^ *($step|.*\b$step)\) " tests/run || complain "$page: tells tests/run $step, which is none"
  done < <(grep -ohE '(`|^ *)tests/run [a-z]+' "$page" | sed -E 's/.*tests\/run //' | sort -u)
  while read -r option; do
    grep -qE "^ +$option[ )]" deploy/demo || complain "$page: tells deploy/demo $option, which is none"
  done < <(grep -ohE 'deploy/demo( --?[a-z]+)+' "$page" | grep -oE -- '--[a-z]+' | sort -u)
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

# Every module stands in docs/architecture.md, by its name or its family's; what is a module's inside does not.
mapfile -t told < <(grep -oE '`[^` ]+`' docs/architecture.md | tr -d '`' | sed -E 's/\.[ch]$//; s,.*/,,' | grep '^[a-z]' | sort -u)
while read -r header; do
  module=$(basename "$header" .h) known=no
  # shellcheck disable=SC2053 # a family is a pattern
  for one in "${told[@]}"; do [[ $module != $one ]] || { known=yes; break; }; done
  [ $known = yes ] || complain "docs/architecture.md: does not tell $header"
done < <(find bot flows store templates webhooks -name '*.h' | grep -vE '(_inside|_parts|/inside)\.h$')

while read -r package; do
  grep -qw -- "$package" docs/dependencies.md || complain "docs/dependencies.md: no word on $package"
done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' deploy/packages tests/packages)
exit $bad
