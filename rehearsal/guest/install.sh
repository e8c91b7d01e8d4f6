#!/bin/sh
# Makes a host image out of a distribution's container image.
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
# The trust comes before the packages: the mirror may be one that only this machine's authorities vouch for.
mkdir -p /etc/ssl/certs
cat /usr/local/share/ca-certificates/*.crt >/etc/ssl/certs/ca-certificates.crt
if [ -s /etc/apt/sources.list ]; then rm -f /etc/apt/sources.list.d/*.sources; fi
apt-get update -qq
# shellcheck disable=SC2046 # one package per word
apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold \
    $(cat /usr/local/lib/local-host/packages) >/dev/null
apt-get clean
# What a container's image forbids, a machine does.
rm -rf /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-* /etc/dpkg/dpkg.cfg.d/excludes /var/lib/apt/lists/*
/usr/local/lib/local-host/prepare
