#!/bin/sh
# Runs a command of the scripts on this host: slipway apply, slipway release, slipway status, ...
# The link is followed once, so that a command stays with the version it began with. The directory is left, because
# Python would import from it.
set -eu
home=$(readlink -f /usr/local/lib/slipway/host)
cd /
PYTHONPATH=${home%/host} exec /usr/bin/python3 -S -m host "$@"
