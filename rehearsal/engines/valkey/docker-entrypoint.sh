#!/bin/sh
# What the official image's entrypoint does, as far as it is used here.
set -eu

# Options or a configuration alone are the server's.
case ${1:-} in
-?* | *.conf) set -- valkey-server "$@" ;;
esac
if [ "${1:-}" = valkey-server ] || [ "${1:-}" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . \! -user valkey -exec chown valkey '{}' +
        exec setpriv --reuid=valkey --regid=valkey --clear-groups "$0" "$@"
    fi
    umask 0077
    # The official image is built without protected mode; whoever gives a configuration decides it there.
    if [ "$#" = 1 ]; then
        set -- "$@" --protected-mode no
    fi
fi
exec "$@"
