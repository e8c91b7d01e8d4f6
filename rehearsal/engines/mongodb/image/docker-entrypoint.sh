#!/bin/bash
# What the official image's entrypoint does, as far as it is used here. The first user is made by the stand-in itself.
set -euo pipefail

if [[ ${1:-} == -* ]]; then
    set -- mongod "$@"
fi
if [[ ${1:-} == mongod ]]; then
    if [[ $(id -u) == 0 ]]; then
        find /data/configdb /data/db \! -user mongodb -exec chown mongodb '{}' +
        exec setpriv --reuid=mongodb --regid=mongodb --clear-groups "$0" "$@"
    fi
    for name in MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD; do
        file="${name}_FILE"
        [[ -z ${!file:-} ]] || export "$name=$(<"${!file}")"
        unset "$file"
    done
    if [[ -n ${MONGO_INITDB_ROOT_USERNAME:-} && " $* " != *' --auth '* ]]; then
        set -- "$@" --auth
    fi
    if [[ " $* " != *' --bind_ip'* ]]; then
        set -- "$@" --bind_ip_all
    fi
fi
exec "$@"
