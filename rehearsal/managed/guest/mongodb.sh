#!/bin/sh
# Runs MongoDB's stand-in with what lies in /etc/managed. Argument: the name of its replica set.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
install -d -o nobody -g nogroup /data/db
chown -R nobody:nogroup /etc/managed
MONGO_INITDB_ROOT_USERNAME=doadmin MONGO_INITDB_ROOT_PASSWORD=$(cat /etc/managed/password)
export MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD
exec setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/mongod --replSet "$1" --keyFile /etc/managed/key \
    --bind_ip_all --port 27017 --dbpath /data/db
