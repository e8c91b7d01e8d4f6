"""The certificate that nginx serves: a placeholder of our own until the authority has given one; renewed in time.

nginx reads chain and key at each handshake through /etc/slipway/tls/<first domain>, a link. A new pair is put into a
directory of its own and the link is renamed. The key is kept across renewals, so that not even a handshake which reads
the one file before and the other after the rename sees two that do not fit.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

from .actions import private
from .context import STATE, Host
from .files import write
from .manifest import Certificate
from .run import HostError

TLS = "/etc/slipway/tls"
WEBROOT = "/var/www/acme"
LIVE = "/etc/letsencrypt/live"
RECORD = STATE + "/certificate.json"
GROUP = "www-data"

RETRY = 600
"""Seconds between tries: the period of slipway-certificate.timer."""

RETRY_LATER = 1700
"""Seconds between tries after MANY failures: the authority allows five failed validations an hour for a name
(letsencrypt.org/docs/rate-limits)."""

MANY = 3
RENEW_RETRY = 6 * 3600
_TIMEOUT = 100
"""Seconds for one order: shorter than the firewall's time to be confirmed."""

_FILES = ("fullchain.pem", "privkey.pem")


def placeholder(host: Host, wanted: Certificate | None) -> None:
    """Put a self-signed certificate where nginx looks, if there is none at all: nginx then serves before the order."""
    if wanted is None or os.path.exists(host.at(f"{TLS}/{wanted.domains[0]}/fullchain.pem")):
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
    _switch(host, wanted.domains[0], new)
    host.changed(f"certificate {wanted.domains[0]}: a placeholder")


def ensure(host: Host, wanted: Certificate | None) -> None:
    """Obtain the certificate, or renew it when it is time. A failure is said and tried again later; it is no error."""
    if wanted is None:
        return
    record = _record(host)
    issued = record.get("domains") == list(wanted.domains) and record.get("directory") == wanted.directory
    installed = os.path.exists(host.at(f"{TLS}/{wanted.domains[0]}/fullchain.pem"))
    if issued and installed and not _due(record):
        return
    if not _may_try(record, renewing=issued):
        _say_not_yet(host, record)
        return
    try:
        if issued and _due(record):
            _renew(host, wanted, ["--force-renewal"] if _past_half(record) else [])
        else:
            _order(host, wanted, replace=bool(record.get("directory")) and not issued)
    except HostError as error:
        record.update(tried=time.time(), failures=record.get("failures", 0) + 1, reason=error.reason)
        _save(host, record)
        _say_not_yet(host, record)
        return
    _accept(host, wanted, record)


def renew_now(host: Host, wanted: Certificate) -> None:
    """Renew before it is time. HostError if there is nothing to renew or the authority refuses."""
    if not os.path.exists(host.at(f"{LIVE}/{wanted.domains[0]}/fullchain.pem")):
        raise HostError("there is no certificate yet that could be renewed")
    _renew(host, wanted, ["--force-renewal"])
    _accept(host, wanted, _record(host))
    host.note(f"certificate: renewed for {wanted.domains[0]}")


def _say_not_yet(host: Host, record: dict[str, Any]) -> None:
    host.note(f"certificate: not yet: {record.get('reason', 'unknown')}; retried every {RETRY // 60} minutes")


def _due(record: dict[str, Any]) -> bool:
    """In the last third of its life a certificate is due (what Let's Encrypt asks for)."""
    begin, end = float(record["not_before"]), float(record["not_after"])
    return time.time() > end - (end - begin) / 3


def _past_half(record: dict[str, Any]) -> bool:
    return time.time() > float(record["not_after"] + record["not_before"]) / 2


def _may_try(record: dict[str, Any], *, renewing: bool) -> bool:
    failures = record.get("failures", 0)
    if not failures:
        return True
    pause = RENEW_RETRY if renewing else RETRY if failures < MANY else RETRY_LATER
    return time.time() > float(record.get("tried", 0)) + pause - RETRY / 10


def _certbot(host: Host, *arguments: str) -> None:
    try:
        host.run(["certbot", *arguments, "--non-interactive"], timeout=_TIMEOUT)
    except HostError as error:
        raise HostError(_reason(error), error.tail) from None


def _reason(error: HostError) -> str:
    """What the authority said if it said something, else the line of certbot that names an error; it ends with advice."""
    for mark in ("Detail: ", "Error: ", "error: "):
        for line in error.tail:
            if mark in line:
                return line.strip().removeprefix("Detail: ")
    return error.reason


def _order(host: Host, wanted: Certificate, *, replace: bool) -> None:
    os.makedirs(host.at(WEBROOT), exist_ok=True)
    domains = [argument for domain in wanted.domains for argument in ("--domain", domain)]
    _certbot(
        host,
        *["certonly", "--webroot", "--webroot-path", WEBROOT, "--cert-name", wanted.domains[0], *domains],
        *["--email", wanted.email, "--agree-tos", "--no-eff-email", "--server", wanted.directory],
        *["--key-type", "ecdsa", "--reuse-key", "--renew-with-new-domains"],
        *["--deploy-hook", "/usr/local/sbin/slipway certificate --install"],
        *(["--force-renewal"] if replace else ["--keep-until-expiring"]),
    )


def _renew(host: Host, wanted: Certificate, options: list[str]) -> None:
    _certbot(host, "renew", "--cert-name", wanted.domains[0], "--no-random-sleep-on-renew", *options)


def _accept(host: Host, wanted: Certificate, record: dict[str, Any]) -> None:
    """Install what the authority gave, note how long it lasts, and once try a renewal without keeping its result."""
    if install(host, wanted.domains[0]):
        host.changed(f"certificate {wanted.domains[0]}: from {wanted.directory.split('/')[2]}")
    not_before, not_after = _lifetime(host, wanted.domains[0])
    tried = record.get("renewal") if record.get("directory") == wanted.directory else None
    new: dict[str, Any] = {"domains": list(wanted.domains), "directory": wanted.directory}
    new.update(not_before=not_before, not_after=not_after, renewal=tried)
    _save(host, new)
    if tried is None:
        try:
            _renew(host, wanted, ["--dry-run"])
            new["renewal"] = "works"
        except HostError as error:
            new["renewal"] = error.reason
        host.note(f"certificate: renewal tried: {new['renewal']}")
        _save(host, new)


def install(host: Host, domain: str) -> bool:
    """Copy the authority's pair to where nginx looks, both at once. True if it was another one."""
    live, current = host.at(f"{LIVE}/{domain}"), host.at(f"{TLS}/{domain}")
    if all(_bytes(f"{live}/{name}") == _bytes(f"{current}/{name}") for name in _FILES):
        return False
    new = _new_place(host, domain)
    for name in _FILES:
        with open(f"{new}/{name}", "wb") as opened:
            opened.write(_bytes(f"{live}/{name}"))
    _switch(host, domain, new)
    return True


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


def _switch(host: Host, domain: str, new: str) -> None:
    """Make the pair in `new` readable for nginx, have it on the disk, rename the link to it, drop what is older."""
    import grp

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


def _lifetime(host: Host, domain: str) -> tuple[float, float]:
    """When the installed certificate begins and ends, in seconds since the epoch."""
    from email.utils import parsedate_to_datetime

    path = host.at(f"{TLS}/{domain}/fullchain.pem")
    lines = host.run(["openssl", "x509", "-in", path, "-noout", "-startdate", "-enddate"]).stdout.splitlines()
    times = []
    for line in lines:
        month, day, clock, year, _ = line.partition("=")[2].split()
        times.append(parsedate_to_datetime(f"{day} {month} {year} {clock} GMT").timestamp())
    return times[0], times[1]


def _record(host: Host) -> dict[str, Any]:
    try:
        with open(host.at(RECORD), encoding="utf-8") as opened:
            return dict(json.load(opened))
    except (FileNotFoundError, ValueError):
        return {}


def _save(host: Host, record: dict[str, Any]) -> None:
    write(host, private(RECORD, json.dumps(record) + "\n"))
