#!/bin/sh
# Makes the root for containers' images out of a host's: what makes a machine goes, what programs need stays.
set -eu
export DEBIAN_FRONTEND=noninteractive SUDO_FORCE_REMOVE=yes PATH=/usr/sbin:/usr/bin:/sbin:/bin
apt-get purge -qq -y --auto-remove --allow-remove-essential \
    systemd systemd-sysv dbus openssh-server cloud-init sudo nftables iptables kmod git gnupg cron logrotate less lsb-release \
    iputils-ping iputils-arping locales perl >/dev/null 2>&1
# What their packages leave: a container's own user may have any of these numbers.
awk -F: '$3 > 100 && $3 < 1000 { print $1 }' /etc/passwd | xargs -r -n 1 userdel
awk -F: '$3 > 100 && $3 < 1000 { print $1 }' /etc/group | xargs -r -n 1 groupdel
rm -rf /usr/share/locale/* /usr/share/i18n /usr/share/info /var/log/* /var/cache/apt/* /var/lib/apt/lists/* /usr/local/lib/local-host \
    /etc/systemd /root/.cache
# As in the distributions' own images: apt leaves nothing behind in a layer.
cat >/etc/apt/apt.conf.d/docker-clean <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
echo 'path-exclude=/usr/share/locale/*' >>/etc/dpkg/dpkg.cfg.d/local-host
python3 -m venv --help >/dev/null
