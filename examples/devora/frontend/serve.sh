#!/bin/sh
# Writes down what the environment says to the page, then runs nginx until SIGTERM, which lets it end what it has begun
# (by itself it would drop it: nginx calls that SIGQUIT).
set -eu
mkdir -p /tmp/frontend
python3 /srv/frontend/settings.py > /tmp/frontend/settings.json
nginx -e stderr -c /srv/frontend/nginx.conf &
nginx=$!
trap 'kill -QUIT "$nginx"' TERM INT
wait "$nginx" || wait "$nginx"
