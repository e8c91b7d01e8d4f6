#!/bin/sh
# The coordinator of a fleet's releases, wherever this repository is and from wherever it is called: the text that calls
# it is the same on every machine. fleet.sh release|recover|rollback|status|read-only|unmount, the order as JSON on
# standard input.
#
# It waits for the coordinator instead of becoming it: an engine that is interrupted kills what it has started, which is
# this or the shell that runs this. The coordinator looks for that, and brings the hosts back before it ends.
set -eu
trap '' HUP # whoever watched may go
root=$(dirname "$(dirname "$(readlink -f "$0")")")
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
cd "$root"
SLIPWAY_FRONT=$PPID "$python" -m scripts.fleet "$@" || exit
