"""Names that a droplet has a use for itself: accounts that a product can't be called, variables that it can't set."""

from __future__ import annotations

import re

_OF_THE_DISTRIBUTION = """
root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody nogroup
adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev
staff users input sgx kvm render crontab netdev lxd docker admin wheel
"""
"""Users and groups of Debian's and Ubuntu's base-passwd and cloud images: a service user has a group of its name."""
_OF_PACKAGES = """
sshd messagebus syslog uuidd tcpdump landscape pollinate fwupd-refresh polkitd tss usbmux dnsmasq dhcpcd
ssl-cert redis rabbitmq nginx postgres postgresql mysql mongodb memcache memcached postfix postdrop ntp ntpsec chrony
git certbot do-agent
"""
_OF_IMAGES_AND_OURS = "ubuntu debian deploy ops slipway"
ACCOUNTS = frozenset(f"{_OF_THE_DISTRIBUTION} {_OF_PACKAGES} {_OF_IMAGES_AND_OURS}".split())
"""Users and groups that a host has, or gets with a package. systemd's own are told by their prefix."""

OF_DOCKER = frozenset({"bridge", "host", "none", "default", "containerd", "digitalocean", "slipway"})
"""Networks that Docker has itself, and what lies in /opt of a host already: a product's network and place have its
name."""

SET_BY_DROPLET_PM2 = frozenset(
    {"PORT", "GUNICORN_CMD_ARGS", "UVICORN_UDS", "UVICORN_FD", "HOME", "PATH", "USER", "LOGNAME"}
)
"""What droplet-pm2 tells each process itself."""

_OF_THE_MACHINERY = re.compile(
    r"SLIPWAY_.*|PM2_.*|LD_PRELOAD|LD_LIBRARY_PATH|LD_AUDIT|PYTHONHOME|BASH_ENV|ENV|IFS|SHELLOPTS|BASHOPTS"
    r"|NODE_CHANNEL_FD"
)
"""What decides how the shell, the loader, Python and PM2 start a process, before the process itself is asked."""


def is_account(name: str) -> bool:
    """Whether a host has a user or a group of this name, or may get one with its packages."""
    return name in ACCOUNTS or name.startswith("systemd-")


def is_of_the_machinery(variable: str) -> bool:
    """Whether a variable would change how processes are started, or what Slipway knows them by."""
    return bool(_OF_THE_MACHINERY.fullmatch(variable))
