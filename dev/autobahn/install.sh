#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Autobahn|Testsuite (`wstest`) into a virtual environment; quick when it is there.
# usage: dev/autobahn/install.sh [FOLDER]      (default ~/.cache/nightjar/autobahn)
# env:   PY27=path of a python2.7              exit 2: there is no Python 2.7
#
# The suite runs on CPython 2.7 only, which no current Debian packages; pyenv builds one.
set -euo pipefail
folder=${1:-$HOME/.cache/nightjar/autobahn}
if [ -x "$folder/bin/wstest" ]; then exit 0; fi

python=${PY27:-}
for candidate in "$HOME"/.pyenv/versions/2.7.*/bin/python2.7 /usr/local/bin/python2.7 /usr/bin/python2.7; do
    [ -n "$python" ] || [ ! -x "$candidate" ] || python=$candidate
done
[ -n "$python" ] || {
    echo "error: Autobahn needs Python 2.7: run pyenv install 2.7.18, or set PY27=/path/of/python2.7" >&2
    exit 2
}

echo "==> installing Autobahn into $folder with $python"
tool=$(mktemp -d)
installed=
trap 'rm -rf "$tool"; [ -n "$installed" ] || rm -rf "$folder"' EXIT
python3 -m venv "$tool"
# virtualenv 20.22 dropped the creation of Python 2.7 environments.
"$tool/bin/pip" -q --disable-pip-version-check install 'virtualenv<20.22'
"$tool/bin/virtualenv" -q -p "$python" "$folder"
"$folder/bin/pip" -q --disable-pip-version-check --no-python-version-warning install 'autobahntestsuite==25.10.1'
"$folder/bin/wstest" --help >/dev/null
installed=yes
