#!/bin/sh
# Record what RecBole's ConvNCF returns, in its own environment (recbole.sh), then hold ours against it.
#
#     sh tools/parity.sh [--out FOLDER]      without it, into tests/parity, where the tests read it
set -eu
cd "$(dirname "$0")/.."

sh tools/recbole.sh
.venv-parity/bin/python benchmarks/parity/record.py "$@"
[ "${1:-}" != --out ] || shift
.venv/bin/python -m benchmarks.parity.compare "$@"
