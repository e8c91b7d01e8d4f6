"""`slipway bootstrap`: the first command on a host. Waits for its first boot and gives it an SSH host key of its own.

The key that the first connection is verified by came in the user data, which the cloud keeps and hands to whoever asks
from the host. So it is good for one connection only. The key made here never leaves the host; its public half is what
this prints. Whoever asked may not have got the answer: unless a command comes in over the new key, the first one is
brought back.
"""

from __future__ import annotations

import glob
import os
import sys

from .context import STATE, Host
from .deadman import DeadMan
from .run import HostError

KEY = "/etc/ssh/ssh_host_ed25519_key"
NEXT = STATE + "/host-key"
"""The key made here, also while it is not in use."""

REVERT_AFTER = 600
"""Seconds in which a command has to come in over the new key."""

_WAIT = 1800
"""Seconds for cloud-init: a first boot that upgrades packages on the smallest host takes many minutes."""


def _guard(host: Host) -> DeadMan:
    return DeadMan(host, "host-key", "SSH host key", (KEY, KEY + ".pub"), REVERT_AFTER)


def main(arguments: list[str]) -> int:
    """Print the host's own public key (type and key), nothing else, however often it is run."""
    host = Host(out=sys.stderr)
    _wait_for_first_boot(host)
    with host.lock():
        public = _own_key(host)
        if _text(host.at(KEY + ".pub")) != public or _weak(host):
            _use(host)
    print(" ".join(public.split()[:2]), flush=True)
    return 0


def _wait_for_first_boot(host: Host) -> None:
    """Wait for cloud-init. It leaves with 2 when it has warned of something, which is no reason to stop."""
    if not os.path.exists("/usr/bin/cloud-init"):
        return
    result = host.run(["cloud-init", "status", "--wait"], timeout=_WAIT, accept=(0, 1, 2))
    if result.code == 1:
        detail = host.run(["cloud-init", "status", "--long"], accept=(0, 1, 2)).lines()
        raise HostError("cloud-init failed: see /var/log/cloud-init.log on the host", detail)


def _own_key(host: Host) -> str:
    """The public key made on this host; made now if there is none. The private half is whole or not there."""
    path = host.at(NEXT)
    if not os.path.exists(path):
        new = path + ".slipway-new"
        for old in (new, new + ".pub"):
            if os.path.exists(old):
                os.unlink(old)
        host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", new])
        os.rename(new + ".pub", path + ".pub")
        os.sync()
        os.rename(new, path)
    return _text(path + ".pub")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        return ""


def _weak(host: Host) -> list[str]:
    return [path for path in glob.glob(host.at("/etc/ssh/ssh_host_*")) if "_ed25519_" not in path]


def _use(host: Host) -> None:
    """Have sshd use the key made here and no other; sessions that are open stay open."""
    _guard(host).arm()
    for suffix in ("", ".pub"):
        with open(host.at(NEXT + suffix), encoding="utf-8") as opened:
            text = opened.read()
        _replace(host.at(KEY + suffix), text, 0o644 if suffix else 0o600)
    for path in _weak(host):
        os.unlink(path)
    host.run(["systemctl", "try-reload-or-restart", "ssh.service"])


def _replace(path: str, text: str, mode: int) -> None:
    new = path + ".slipway-new"
    if os.path.lexists(new):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
        os.fchmod(descriptor, mode)
        opened.flush()
        os.fsync(descriptor)
    os.replace(new, path)


def confirm(host: Host) -> None:
    """A command has come in after the first connection, so the new key is known: the first one is forgotten."""
    guard = _guard(host)
    if guard.armed():
        guard.disarm()


def revert(arguments: list[str]) -> int:
    """`slipway host-key-revert`: nobody has used the new key, so nobody knows it; the first one is brought back."""
    host = Host(out=sys.stdout)
    _guard(host).revert(lambda: host.run(["systemctl", "try-reload-or-restart", "ssh.service"]))
    return 0
