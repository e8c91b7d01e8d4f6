#!/bin/sh
# Runs Valkey with the settings in /etc/managed.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
chown -R valkey:valkey /etc/managed /var/lib/valkey
install -d -o valkey -g valkey -m 700 /run/valkey
exec setpriv --reuid=valkey --regid=valkey --init-groups valkey-server /etc/managed/valkey.conf
