#!/usr/bin/env bash
# Build the client's wheel and test it alone: an empty environment for each Python from 3.10 to 3.13 found here.
# usage: test_wheel.sh PYTHON_WITH_BUILD
set -euo pipefail
builder=$(realpath -s "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -r client "$work/source"
(cd "$work/source" && "$builder" -m build --quiet --wheel --outdir "$work")

tested=0
for version in 3.10 3.11 3.12 3.13; do
    python=$(command -v "python$version") && "$python" -c '' 2>/dev/null || continue
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
