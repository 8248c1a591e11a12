#!/usr/bin/env bash
# Fuzz every target of tests/fuzz for SECONDS in all, from the kept corpora. What is found new
# goes to build/fuzz/corpus, minimised back into the tree only by hand; a crash is kept in
# tests/fuzz/corpus/NAME, so that every later run replays it.
#
# usage: fuzz.sh SECONDS
set -uo pipefail
cd "$(dirname "$0")/../.."
targets=(build/fuzz/fuzz_*)
[ -x "${targets[0]}" ] || { echo "no fuzz targets are built: cmake --preset fuzz"; exit 1; }
at_once=$(nproc)
each=$(($1 * at_once / ${#targets[@]}))
[ $each -ge 1 ] || each=1

fuzz() {
  local target=$1 each=$2 name=${1##*/fuzz_}
  local kept=tests/fuzz/corpus/$name log=build/log/fuzz_$name.log
  mkdir -p "$kept" "build/fuzz/corpus/$name"
  local options=("-max_total_time=$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
    "-artifact_prefix=$kept/crash-")
  [ ! -f "tests/fuzz/$name.dict" ] || options+=("-dict=tests/fuzz/$name.dict")
  if "$target" "${options[@]}" "build/fuzz/corpus/$name" "$kept" >"$log" 2>&1; then
    printf '%-24s %s inputs in %s s\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$each"
  else
    printf '%s: crashed; the input is in %s\n' "$name" "$kept"
    grep -E 'ERROR|SUMMARY|Test unit written' "$log"
    tail -n 25 "$log"
    return 1
  fi
}
export -f fuzz
printf '%s\n' "${targets[@]}" | xargs -P "$at_once" -I{} bash -c 'fuzz {} '"$each"
