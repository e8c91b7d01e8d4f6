#!/bin/sh
# The coordinator of a fleet's releases, wherever this repository is and from wherever it is called: the text that calls
# it is the same on every machine. fleet.sh release|recover|rollback|status|read-only|unmount, the order as JSON on
# standard input.
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
cd "$root"
exec "$python" -m scripts.fleet "$@"
