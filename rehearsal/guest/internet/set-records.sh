#!/bin/sh
# Standard input becomes the resolver's records; the former ones stay if it does not understand the text.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
records=/etc/dnsmasq.d/records.conf
# Elsewhere, since dnsmasq reads whatever lies in its directory.
former=/etc/internet/records.former
cp "$records" "$former"
cat >"$records"
if dnsmasq --test; then
    systemctl restart dnsmasq.service
else
    cp "$former" "$records"
    exit 1
fi
