#!/bin/sh
# RecBole 1.2.1 in an environment of its own, .venv-parity: it needs older packages than the workbench, and the same torch.
# Needs Python 3.11: one of its packages has no wheel for a later one. Does nothing when that has been done.
#
#     sh tools/recbole.sh
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
