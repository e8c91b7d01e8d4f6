"""The machine itself: its name and its swap."""

from __future__ import annotations

import errno
import os
import socket

from .context import STATE, Host, in_container
from .files import beside, write
from .manifest import File
from .run import HostError

SWAP = "/swapfile"
NO_SWAP = STATE + "/no-swap"
"""There once we have said that this machine cannot swap."""

_MIB = 1 << 20


def hostname(host: Host, name: str) -> None:
    """Give the machine its name, now and at boot, and have it resolve (sudo asks for it on every call)."""
    if _text(host, "/etc/hostname").strip() != name:
        _rewrite(host, "/etc/hostname", name + "\n")
        host.changed(f"hostname {name}")
    if host.root == "/" and socket.gethostname() != name:
        host.run(["hostname", name])
        host.changed(f"hostname {name}, running")
    hosts = _text(host, "/etc/hosts")
    if not any(name in line.partition("#")[0].split()[1:] for line in hosts.splitlines()):
        others = [line for line in hosts.splitlines() if not line.startswith("127.0.1.1")]
        _rewrite(host, "/etc/hosts", "\n".join([*others, f"127.0.1.1 {name}"]) + "\n")
        host.changed("file /etc/hosts")


def _text(host: Host, path: str) -> str:
    try:
        with open(host.at(path), encoding="utf-8") as opened:
            return opened.read()
    except FileNotFoundError:
        return ""


def _rewrite(host: Host, path: str, content: str) -> None:
    """Replace a file of the system; one that is a mount of its own (in a container) can only be written in place."""
    try:
        write(host, File(path, content, 0o644, "root", "root", (), ()))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        parent, _, name = host.at(path).rpartition("/")
        os.unlink(f"{parent}/{beside(name)}")
        with open(host.at(path), "w", encoding="utf-8") as opened:
            opened.write(content)


def swap(host: Host, mib: int) -> None:
    """Have a swap file of `mib` MiB in use and in fstab; none of ours for 0. Where the machine cannot, say it once."""
    if os.path.exists(host.at(NO_SWAP)):
        return
    active = f"{SWAP} " in _text(host, "/proc/swaps")
    size = os.path.getsize(host.at(SWAP)) if os.path.exists(host.at(SWAP)) else 0
    if size == mib * _MIB and active == bool(mib) and _in_fstab(host) == bool(mib):
        return
    if in_container():
        write(host, File(NO_SWAP, "", 0o600, "root", "root", (), ()))
        if mib:
            host.note("swap: not in a container, where the kernel's swap belongs to the machine below")
        return
    if active and size != mib * _MIB:
        host.run(["swapoff", SWAP])
        active = False
    if size != mib * _MIB:
        _make(host, mib)
    _fstab(host, wanted=bool(mib))
    if mib and not active:
        host.run(["swapon", SWAP])
    host.changed(f"swap {mib} MiB")


def _make(host: Host, mib: int) -> None:
    path, new = host.at(SWAP), host.at("/" + beside("swapfile"))
    for old in (path, new):
        if os.path.exists(old):
            os.unlink(old)
    if not mib:
        return
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        host.run(["fallocate", "--length", str(mib * _MIB), new])
        host.run(["mkswap", new])
    except HostError:
        os.unlink(new)
        raise
    os.rename(new, path)


def _in_fstab(host: Host) -> bool:
    return any(line.split()[:1] == [SWAP] for line in _text(host, "/etc/fstab").splitlines())


def _fstab(host: Host, *, wanted: bool) -> None:
    if _in_fstab(host) == wanted:
        return
    lines = [line for line in _text(host, "/etc/fstab").splitlines() if line.split()[:1] != [SWAP]]
    if wanted:
        lines.append(f"{SWAP} none swap sw 0 0")
    write(host, File("/etc/fstab", "\n".join(lines) + "\n", 0o644, "root", "root", (), ()))
