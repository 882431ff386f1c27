#!/bin/sh
# The set-up behind every make target: the virtual environment .venv in the repository's root, with every pin of
# constraints.txt. Does nothing when that has been done: .venv/convncf-stamp holds what the environment was made from,
# and is written only once all of it is there, so that an interrupted install is taken up again.
#
#     sh tools/setup.sh                       any Python >= 3.11 that is found
#     PYTHON=python3.12 sh tools/setup.sh     that one
set -eu
cd "$(dirname "$0")/.."

root=$PWD
env=.venv
python=$env/bin/python
stamp=$env/convncf-stamp
place=$env/convncf-place # where the environment was made: it holds absolute paths, so it cannot be moved

say() { printf '%s\n' "$*" >&2; }
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# What the environment is made from, as one line. Empty when there is no working Python in it.
wanted() {
    "$python" - 2>/dev/null <<'END' || true
import hashlib, pathlib, sys

digest = hashlib.sha256()
for name in ("pyproject.toml", "constraints.txt"):
    digest.update(pathlib.Path(name).read_bytes())
print("python", ".".join(map(str, sys.version_info[:3])), digest.hexdigest())
END
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11
    fi
    for candidate; do
        # Run it: a name on the path may be a shim for a version that is not installed.
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or later is needed; tried: $*." \
        "On Debian or Ubuntu: sudo apt-get install python3 python3-venv" \
        "Another one is taken with: make install PYTHON=/path/to/python"
}

make_environment() {
    base=$(find_python)
    if ! "$base" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        case $base in
        python3.*) package=$base-venv ;;
        *) package=python3-venv ;;
        esac
        fail "$base cannot make virtual environments: its venv module is a package of its own on Debian and Ubuntu." \
            "Install it, then run the same command again:" "" "    sudo apt-get install $package" ""
    fi
    say "[1/3] virtual environment $env with $("$base" --version 2>&1)"
    rm -rf "$env"
    "$base" -m venv "$env"
    printf '%s\n' "$root" >"$place"
}

if [ -f "$place" ] && [ "$(cat "$place")" != "$root" ]; then
    say "The folder was moved from $(cat "$place"); its virtual environment is made anew."
    make_environment
elif [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ]; then
    exit 0
elif "$python" -m pip --version >/dev/null 2>&1; then
    say "[1/3] virtual environment $env is there"
else
    make_environment
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$env has a Python older than 3.11: remove $env."

rm -f "$stamp"
torch=$(grep '^torch==' constraints.txt)
say "[2/3] $torch, the largest part (see README.md for its CPU-only build)"
"$python" -m pip install --disable-pip-version-check -c constraints.txt "$torch"
say "[3/3] the workbench and everything else"
"$python" -m pip install --disable-pip-version-check -c constraints.txt -e '.[fast,app,notebooks,dev]'
wanted >"$stamp"
say "Set up in $env."
