#!/bin/sh
# Run the notebooks and store each with its output, paired with the .py beside it (which is the one to edit).
#
#     sh tools/notebooks.sh [notebooks/NAME.py …]
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- notebooks/[0-9]*.py
CONVNCF_HOME=$(mktemp -d) # a home of their own: they start from nothing, as a reader does
export CONVNCF_HOME
trap 'rm -rf "$CONVNCF_HOME"' EXIT
for source; do
    printf '%s\n' "$source" >&2
    .venv/bin/python -m jupytext --to ipynb --execute "$source"
done
