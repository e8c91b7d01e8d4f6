"""The certificate and key that nginx reads at each handshake, through /etc/slipway/tls/<first domain>, a link.

A new pair is put into a directory of its own and the link is renamed. The key is kept across renewals, so that not even
a handshake which reads the one file before and the other after the rename sees two that do not fit. For HAProxy there
is a third file with both, and it is told of a new one (haproxy.py).
"""

from __future__ import annotations

import grp
import os
import shutil
import time

from . import haproxy
from .context import Host
from .manifest import Certificate

TLS = "/etc/slipway/tls"
LIVE = "/etc/letsencrypt/live"
GROUP = "www-data"
_FILES = ("fullchain.pem", "privkey.pem")
COMBINED = "combined.pem"
"""Certificate and key in one file, for HAProxy. It is root's alone: HAProxy reads it before it gives up its rights."""


def placeholder(host: Host, wanted: Certificate | None) -> None:
    """Put a self-signed certificate where nginx looks, if there is none at all: nginx then serves before the order."""
    if wanted is None or present(host, wanted):
        return
    if os.path.exists(host.at(f"{LIVE}/{wanted.domains[0]}/fullchain.pem")):
        install(host, wanted)
        host.changed(f"certificate {wanted.domains[0]}: the authority's, which had been taken away")
        return
    new = _new_place(host, wanted.domains[0])
    names = ",".join(f"DNS:{domain}" for domain in wanted.domains)
    host.run(
        [
            *["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
            *["-days", "3650", "-subj", f"/CN={wanted.domains[0][:64]}", "-addext", f"subjectAltName={names}"],
            *["-keyout", f"{new}/privkey.pem", "-out", f"{new}/fullchain.pem"],
        ]
    )
    _switch(host, wanted, new)
    host.changed(f"certificate {wanted.domains[0]}: a placeholder")


def present(host: Host, wanted: Certificate) -> bool:
    """Whether what serves it finds a certificate."""
    name = COMBINED if wanted.served_by == "haproxy" else _FILES[0]
    return os.path.exists(host.at(f"{TLS}/{wanted.domains[0]}/{name}"))


def serving(host: Host, domain: str) -> str:
    """A name for the pair that nginx reads now: another pair has another name."""
    link = host.at(f"{TLS}/{domain}")
    return os.readlink(link) if os.path.islink(link) else ""


def install(host: Host, wanted: Certificate) -> bool:
    """Copy the authority's pair to where nginx looks, both at once. True if it was another one."""
    domain = wanted.domains[0]
    live, current = host.at(f"{LIVE}/{domain}"), host.at(f"{TLS}/{domain}")
    if present(host, wanted) and all(_bytes(f"{live}/{name}") == _bytes(f"{current}/{name}") for name in _FILES):
        return False
    new = _new_place(host, domain)
    for name in _FILES:
        with open(f"{new}/{name}", "wb") as opened:
            opened.write(_bytes(f"{live}/{name}"))
    _switch(host, wanted, new)
    return True


def tell(host: Host, wanted: Certificate) -> None:
    """Have what serves it take the installed certificate, where it does not look by itself. HostError if it does not.

    It is asked what it serves before, so that a run which was killed between the two is made good by the next.
    """
    if wanted.served_by == "haproxy" and present(host, wanted):
        haproxy.serve(host, f"{TLS}/{wanted.domains[0]}/{COMBINED}")


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as opened:
            return opened.read()
    except FileNotFoundError:
        return b""


def _new_place(host: Host, domain: str) -> str:
    """An empty directory, root's alone as long as it is not whole."""
    os.makedirs(host.at(TLS), mode=0o755, exist_ok=True)
    new = host.at(f"{TLS}/.{domain}.{time.time_ns()}")
    os.mkdir(new, 0o700)
    return new


def _combine(new: str) -> None:
    descriptor = os.open(f"{new}/{COMBINED}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:
        for name in _FILES:
            opened.write(_bytes(f"{new}/{name}").rstrip(b"\n") + b"\n")
        opened.flush()
        os.fsync(opened.fileno())


def _switch(host: Host, wanted: Certificate, new: str) -> None:
    """Make the pair in `new` readable for nginx, have it on the disk, rename the link to it, drop what is older."""
    domain = wanted.domains[0]
    if wanted.served_by == "haproxy":
        _combine(new)
    group = grp.getgrnam(GROUP).gr_gid if host.root == "/" else -1
    for name in _FILES:
        descriptor = os.open(f"{new}/{name}", os.O_RDONLY)
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, 0o640)
        os.fsync(descriptor)
        os.close(descriptor)
    os.chown(new, -1, group)
    os.chmod(new, 0o750)  # noqa: S103  (nginx reads it as a member of the group)
    link, before = host.at(f"{TLS}/{domain}"), ""
    if os.path.islink(link):
        before = os.readlink(link)
    elif os.path.isdir(link):
        shutil.rmtree(link)
    beside = f"{link}.slipway-new"
    if os.path.lexists(beside):
        os.unlink(beside)
    os.symlink(os.path.basename(new), beside)
    os.replace(beside, link)
    for name in os.listdir(host.at(TLS)):
        if name.startswith(f".{domain}.") and name not in (before, os.path.basename(new)):
            shutil.rmtree(host.at(f"{TLS}/{name}"), ignore_errors=True)


def lifetime(host: Host, domain: str) -> tuple[float, float]:
    """When the installed certificate begins and ends, in seconds since the epoch."""
    from email.utils import parsedate_to_datetime

    path = host.at(f"{TLS}/{domain}/fullchain.pem")
    lines = host.run(["openssl", "x509", "-in", path, "-noout", "-startdate", "-enddate"]).stdout.splitlines()
    times = []
    for line in lines:
        month, day, clock, year, _ = line.partition("=")[2].split()
        times.append(parsedate_to_datetime(f"{day} {month} {year} {clock} GMT").timestamp())
    return times[0], times[1]
