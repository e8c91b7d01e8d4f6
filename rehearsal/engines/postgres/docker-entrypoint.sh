#!/bin/bash
# What the official image's entrypoint does, as far as it is used here.
set -euo pipefail

# A variable, or the file that <variable>_FILE names.
file_env() {
    local file="$1_FILE"
    if [[ -n ${!1:-} && -n ${!file:-} ]]; then
        echo "error: both $1 and $file are set (but are exclusive)" >&2
        exit 1
    fi
    if [[ -n ${!file:-} ]]; then
        export "$1=$(<"${!file}")"
    elif [[ -z ${!1:-} ]]; then
        export "$1=${2:-}"
    fi
    unset "$file"
}

become_postgres() {
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA" || true
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    find /var/run/postgresql \! -user postgres -exec chown postgres '{}' + || true
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

initialise() {
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [[ -z $POSTGRES_PASSWORD && $method != trust ]]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA" || true
    # shellcheck disable=SC2086 # several words
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-} >/dev/null
    printf "\nlisten_addresses = '*'\n" >>"$PGDATA/postgresql.conf"
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
    # On its socket alone: who asks by TCP whether it is ready learns of this server only when all is done.
    local arguments=("${@:2}" -c listen_addresses=)
    PGUSER=$POSTGRES_USER pg_ctl -w start -o "$(printf '%q ' "${arguments[@]}")" >/dev/null
    if [[ $POSTGRES_DB != postgres ]]; then
        psql -qX -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*.sql; do
        [[ ! -e $file ]] || psql -qX -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file "$file"
    done
    pg_ctl -m fast -w stop >/dev/null
}

if [[ ${1:-} == -* ]]; then
    set -- postgres "$@"
fi
if [[ ${1:-} == postgres ]]; then
    if [[ $(id -u) == 0 ]]; then
        become_postgres "$@"
    fi
    if [[ ! -s $PGDATA/PG_VERSION ]]; then
        initialise "$@"
    fi
    unset POSTGRES_PASSWORD
fi
exec "$@"
