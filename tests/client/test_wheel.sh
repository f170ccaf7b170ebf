#!/usr/bin/env bash
# Build the client's wheel and test it alone: an empty environment for each Python from 3.10 to 3.13 found here.
# usage: test_wheel.sh PYTHON_WITH_PIP
set -euo pipefail
builder=$(realpath -s "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first Python of version $1 that runs: on the path, or among pyenv's.
find_python() {
    for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if "$python" -c '' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

cp -r client "$work/source"
"$builder" -m pip wheel --quiet --no-deps --wheel-dir "$work" "$work/source"

tested=0
for version in 3.10 3.11 3.12 3.13; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "client alone on Python $version: no such Python here, not tested"
        continue
    fi
    "$python" -m venv "$work/$version"
    "$work/$version/bin/pip" install --quiet "$work"/*.whl pytest
    if "$work/$version/bin/python" -c 'import torch' 2>/dev/null; then
        echo "error: the client pulls in torch" >&2
        exit 1
    fi
    cp -r tests/client "$work/$version/tests"
    echo "client alone on Python $version:"
    (cd "$work/$version" && VITRINE_CLIENT_ALONE=1 bin/python -m pytest -q --rootdir=tests tests)
    tested=$((tested + 1))
done
[ "$tested" -gt 0 ] || { echo "error: no Python from 3.10 to 3.13 found" >&2; exit 1; }
