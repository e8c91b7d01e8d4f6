#!/bin/sh
# Runs PgBouncer with the settings in /etc/managed.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
chown -R postgres:postgres /etc/managed
exec setpriv --reuid=postgres --regid=postgres --init-groups pgbouncer --quiet /etc/managed/pgbouncer.ini
