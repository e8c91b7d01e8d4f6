#!/bin/sh
# The first process of a local host, before systemd: makes a container look like a machine.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
seed=/var/lib/local-host

# The container engine binds files of its own over these three; on a machine they are plain files that anybody may rename.
for file in hostname hosts resolv.conf; do
    umount "/etc/$file" 2>/dev/null
    [ -s "/etc/$file" ] || cat "$seed/$file" >"/etc/$file"
done
hostname "$(cat /etc/hostname)"

# Docker and sysctl(8) set switches of the network, which this host has for itself. Those of the kernel are everybody's here
# and stay read-only.
mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net

# Authorities that exist only in this rehearsal.
if [ -n "$(find /usr/local/share/ca-certificates -newer /etc/ssl/certs/ca-certificates.crt -print -quit)" ]; then
    update-ca-certificates >/dev/null 2>&1
fi
exec /sbin/init
