#!/bin/sh
# Runs PostgreSQL with the settings in /etc/managed. Arguments: the address and the port of the server that this one is a
# replica of, if it is one; then .pgpass lets it in there.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/lib/postgresql
version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1)
programs=/usr/lib/postgresql/$version/bin
data=/var/lib/postgresql/$version/main
install -d -o postgres -g postgres /run/postgresql
chown -R postgres:postgres /etc/managed

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

if [ $# -eq 2 ] && [ ! -e "$data/standby.signal" ]; then
    rm -rf "$data"
    as_postgres "$programs/pg_basebackup" --write-recovery-conf --checkpoint=fast --pgdata="$data" \
        --dbname="host=$1 port=$2 user=replicator sslmode=require passfile=/etc/managed/.pgpass"
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$programs/postgres" -D "$data" \
    -c config_file=/etc/managed/postgresql.conf -c hba_file=/etc/managed/pg_hba.conf
