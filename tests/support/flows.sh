#!/usr/bin/env bash
# What is made from the flows is up to date: the pictures in docs/flows and the schema.
#
# usage: flows.sh PARLEY [--write]     PARLEY is the built program
set -euo pipefail
parley=$(realpath "$1")
cd "$(dirname "$0")/../.."
if [ "${2:-}" = --write ]; then
  mkdir -p docs/flows
  rm -f docs/flows/*.svg
  "$parley" flows graph --folder . --to docs/flows
  "$parley" flows schema --folder . >docs/flow.schema.json
  exit 0
fi

"$parley" flows schema --folder . | diff -q - docs/flow.schema.json ||
  { echo "the loads or actions have changed since the schema was made: tests/support/flows.sh $1 --write"; exit 1; }

# Another version of graphviz puts things elsewhere, which is no fault.
if ! command -v dot >/dev/null || ! dot -V 2>&1 | grep -q 'version 2\.43\.0'; then
  echo "skipped: graphviz 2.43 is not here, so the pictures of docs/flows are not compared"
  exit 0
fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$parley" flows graph --folder . --to "$made" >/dev/null
if ! diff -rq "$made" docs/flows; then
  echo "flows have changed since their pictures were made: tests/support/flows.sh $1 --write"
  exit 1
fi
