#!/bin/sh
# Runs once inside the host image while it is made: trust first, then what makes an image a machine that has never booted.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
update-ca-certificates >/dev/null 2>&1

# A machine makes its own identity at first boot.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id

# As on a cloud's server image: /tmp is on the disk, so that builds don't use up the memory.
systemctl mask tmp.mount >/dev/null 2>&1 || true
# No consoles here, and the time is the machine's.
systemctl mask getty.target console-getty.service >/dev/null 2>&1 || true
systemctl set-default multi-user.target >/dev/null 2>&1 || true
