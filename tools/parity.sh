#!/bin/sh
# Record what RecBole's ConvNCF returns, then hold ours against it. RecBole needs older packages, so it is installed into
# an environment of its own, .venv-parity. That needs Python 3.11: one of its packages has no wheel for a later one.
#
#     sh tools/parity.sh [--out FOLDER]      without it, into tests/parity, where the tests read it
set -eu
cd "$(dirname "$0")/.."

env=.venv-parity
python=$env/bin/python
stamp=$env/convncf-stamp
torch=$(grep '^torch==' constraints.txt)
wanted="recbole==1.2.1 numpy<2 pandas<2.3 scipy<1.15 setuptools<81 $torch"

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
    printf '%s\n' "setting up $env: $wanted" >&2
    rm -rf "$env"
    .venv/bin/python -m venv "$env"
    # shellcheck disable=SC2086 # one word per requirement
    "$python" -m pip install --disable-pip-version-check $wanted
    printf '%s\n' "$wanted" >"$stamp"
fi
"$python" benchmarks/parity/record.py "$@"
[ "${1:-}" != --out ] || shift
.venv/bin/python -m benchmarks.parity.compare "$@"
