#!/bin/sh
# Run a command with the linters beside it: the command's output as it comes, then that of the linters, whole.
# Fails where either does.
#
#     sh tools/beside.sh .venv/bin/python -m pytest
set -u
cd "$(dirname "$0")/.."

said=$(mktemp)
make --no-print-directory lint >"$said" 2>&1 &
linters=$!
trap 'kill "$linters" 2>/dev/null; rm -f "$said"' EXIT
trap 'exit 130' INT TERM

"$@"
command=$?
wait "$linters"
lint=$?
cat "$said"
[ "$lint" -eq 0 ] || echo "the linters ended with $lint" >&2
[ "$command" -eq 0 ] || echo "the command ended with $command" >&2
[ "$lint" -eq 0 ] && [ "$command" -eq 0 ]
