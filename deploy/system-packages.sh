#!/bin/sh
# Installs the Debian packages that Vitrine needs and this machine lacks; nothing where nothing is lacking. Where that
# may not be (SYSTEM=no, neither root nor sudo without a password, or no apt-get), it says the command, and ends with
# status 0: what cannot run then says so itself.
#
# usage: system-packages.sh PYTHON [--tests]
#   PYTHON   the interpreter that Vitrine is to run on
#   --tests  also what tests need: Prometheus, whose alerts are tried, a font with Chinese characters, a browser, a C
#            compiler for a double of Triton's shared cache
set -eu
python=${1:?usage: system-packages.sh PYTHON [--tests]}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

lacking=""
# Triton's Python backend is linked against a shared library, which most Pythons do without.
"$python" -c '
import ctypes, os, sys
library = "libpython%d.%d.so.1.0" % sys.version_info[:2]
os.path.exists(os.path.join(sys.base_prefix, "lib", library)) or ctypes.CDLL(library)' 2>/dev/null ||
    lacking="$lacking libpython$version"
# Debian's own Python comes without what makes an environment.
"$python" -c 'import ensurepip' 2>/dev/null || lacking="$lacking python$version-venv"
if [ "${2:-}" = --tests ] && ! { command -v prometheus && command -v promtool; } >/dev/null; then
    lacking="$lacking prometheus"
fi
if [ "${2:-}" = --tests ] && [ ! -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ]; then
    lacking="$lacking fonts-wqy-microhei"
fi
if [ "${2:-}" = --tests ] && ! command -v chromium >/dev/null; then
    lacking="$lacking chromium"
fi
if [ "${2:-}" = --tests ] && ! command -v gcc >/dev/null; then
    lacking="$lacking gcc libc6-dev"
fi
[ -n "$lacking" ] || exit 0

as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if [ "${SYSTEM:-yes}" != no ] && command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "installing$lacking"
    # Packages are found without an update on most machines; a bare one has no lists yet.
    # shellcheck disable=SC2086  # words, not one name
    if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >/dev/null 2>&1 ||
        { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $lacking >/dev/null; }; then
        exit 0
    fi
fi
echo "this machine lacks$lacking; to install: sudo apt-get update && sudo apt-get install -y$lacking" >&2
