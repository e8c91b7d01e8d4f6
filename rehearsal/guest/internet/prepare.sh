#!/bin/sh
# Runs once while the image is made that stands in for the rest of the internet.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
here=/usr/local/lib/internet
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d   # nothing starts while packages are set up
chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
# shellcheck disable=SC2046 # one package per word
apt-get install -qq -y --no-install-recommends $(cat "$here/packages") >/dev/null
rm /usr/sbin/policy-rc.d
apt-get clean
rm -rf /var/lib/apt/lists/*

rm -f /etc/nginx/sites-enabled/default
cp "$here/nginx.conf" /etc/nginx/conf.d/internet.conf
cp "$here/registries.conf" /etc/nginx/conf.d/registries.conf
cp "$here/registry.yml" /etc/docker/registry/config.yml
cp "$here/dnsmasq.conf" /etc/dnsmasq.conf
cp "$here/pebble.service" /etc/systemd/system/pebble-acme.service
cp "$here/objects.service" /etc/systemd/system/objects.service
# The resolver restarts at every change of a record, however many there are.
mkdir -p /etc/systemd/system/dnsmasq.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' >/etc/systemd/system/dnsmasq.service.d/often.conf
git config --system safe.directory '*'
git config --system uploadpack.allowAnySHA1InWant true   # as GitHub: a commit may be fetched by its hash
git config --system uploadpack.allowFilter true
# They start when the start script has made their certificates.
systemctl disable ssh.service ssh.socket nginx.service dnsmasq.service postgresql.service fcgiwrap.socket fcgiwrap.service \
    docker-registry.service >/dev/null 2>&1 || true
systemctl mask cloud-init-local.service cloud-init.service cloud-init-main.service cloud-config.service cloud-final.service \
    cloud-init-network.service >/dev/null 2>&1 || true
