#!/bin/sh
# Runs once while the image is made that the cloud's own servers start from.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
here=/usr/local/lib/managed
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d   # nothing starts while packages are set up
chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
# shellcheck disable=SC2046 # one package per word
apt-get install -qq -y --no-install-recommends $(cat "$here/packages") >/dev/null
rm /usr/sbin/policy-rc.d
apt-get clean
rm -rf /var/lib/apt/lists/*
