#!/bin/bash
# What the official image's entrypoint does, as far as it is used here. The first user is made by the stand-in itself.
set -euo pipefail

# A server that nobody else reaches, with no login and in no set, runs the scripts.
initialise() {
    local scripts=(/docker-entrypoint-initdb.d/*.js) script
    [[ -e ${scripts[0]} ]] || return 0
    mongod --bind_ip 127.0.0.1 &
    until mongosh --quiet --eval 'db.adminCommand("ping")' >/dev/null 2>&1; do
        kill -0 $! || exit 1
        sleep 0.1
    done
    for script in "${scripts[@]}"; do
        mongosh --quiet test "$script" >/dev/null
    done
    kill $!
    wait $! || true
}

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
    if [[ ! -e /data/db/stand-in.bson ]]; then
        initialise
    fi
    if [[ -n ${MONGO_INITDB_ROOT_USERNAME:-} && " $* " != *' --auth '* ]]; then
        set -- "$@" --auth
    fi
    if [[ " $* " != *' --bind_ip'* ]]; then
        set -- "$@" --bind_ip_all
    fi
fi
exec "$@"
