"""Obtains the certificate from its authority (ACME, over certbot), renews it in time, and never fails an apply.

What is served meanwhile, and how a new pair gets where nginx reads it, is in tls.py.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from . import tls
from .actions import private
from .context import STATE, Host
from .files import write
from .manifest import Certificate
from .run import HostError

WEBROOT = "/var/www/acme"
RECORD = STATE + "/certificate.json"

RETRY = 600
"""Seconds between tries: the period of slipway-certificate.timer."""

RETRY_LATER = 1700
"""Seconds between tries after MANY failures: the authority allows five failed validations an hour for a name
(letsencrypt.org/docs/rate-limits)."""

MANY = 3
RENEW_RETRY = 6 * 3600
TRIAL_RETRY = 24 * 3600
_TIMEOUT = 100
"""Seconds for one order: shorter than the firewall's time to be confirmed."""


def ensure(host: Host, wanted: Certificate | None) -> None:
    """Obtain the certificate, or renew it when it is time. A failure is said and tried again later; it is no error."""
    if wanted is None:
        return
    domain = wanted.domains[0]
    record = _record(host)
    issued = record.get("domains") == list(wanted.domains) and record.get("directory") == wanted.directory
    _tell(host, wanted)
    if issued and tls.present(host, wanted) and not _due(host, domain, record):
        return
    before = tls.serving(host, domain)
    if _may_try(record, renewing=issued):
        try:
            if issued:
                _renew(host, wanted, "--force-renewal")
            else:
                _order(host, wanted, replace="directory" in record)
            _accept(host, wanted)
        except HostError as error:
            record.update(tried=time.time(), failures=record.get("failures", 0) + 1, reason=error.reason)
            _save(host, record)
    if tls.serving(host, domain) != before:
        host.changed(f"certificate {domain}: from {wanted.directory.split('/')[2]}")
        try_renewal(host, wanted)
    else:
        host.note(f"certificate: not yet: {record.get('reason', 'unknown')}; retried every {RETRY // 60} minutes")


def renew_now(host: Host, wanted: Certificate) -> None:
    """Renew before it is time, or order the first one without waiting for the next try. HostError if that fails."""
    if os.path.exists(host.at(f"{tls.LIVE}/{wanted.domains[0]}/fullchain.pem")):
        _renew(host, wanted, "--force-renewal")
    else:
        _order(host, wanted, replace=False)
    _accept(host, wanted)
    host.note(f"certificate: new for {wanted.domains[0]}")


def try_renewal(host: Host, wanted: Certificate) -> None:
    """Try a renewal without keeping its result, once it works never again, else once a day: it must not be assumed."""
    record = _record(host)
    if record.get("renewal") == "works" or time.time() < float(record.get("renewal_tried", 0)) + TRIAL_RETRY:
        return
    try:
        _renew(host, wanted, "--dry-run", "--server", wanted.directory)
        record["renewal"] = "works"
    except HostError as error:
        record["renewal"] = error.reason
    record["renewal_tried"] = time.time()
    _save(host, record)
    host.note(f"certificate: renewal tried: {record['renewal']}")


def _due(host: Host, domain: str, record: dict[str, Any]) -> bool:
    """In the last third of its life a certificate is due. What is served is asked only when the record says so."""
    if not _last_third(record):
        return False
    record["not_before"], record["not_after"] = tls.lifetime(host, domain)
    return _last_third(record)


def _last_third(record: dict[str, Any]) -> bool:
    begin, end = float(record["not_before"]), float(record["not_after"])
    return time.time() > end - (end - begin) / 3


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
    """What the authority said, else the line of certbot that names an error: the last one is only advice."""
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


def _renew(host: Host, wanted: Certificate, *options: str) -> None:
    _certbot(host, "renew", "--cert-name", wanted.domains[0], "--no-random-sleep-on-renew", *options)


def _accept(host: Host, wanted: Certificate) -> None:
    """Install what the authority gave (its hook has done so already, unless it was kept) and note how long it lasts."""
    tls.install(host, wanted)
    _tell(host, wanted)
    old = _record(host)
    begin, end = tls.lifetime(host, wanted.domains[0])
    new: dict[str, Any] = {"domains": list(wanted.domains), "directory": wanted.directory}
    new.update(not_before=begin, not_after=end)
    if old.get("directory") == wanted.directory:
        new.update({key: old[key] for key in ("renewal", "renewal_tried") if key in old})
    _save(host, new)


def _tell(host: Host, wanted: Certificate) -> None:
    try:
        tls.tell(host, wanted)
    except HostError as error:
        host.note(f"certificate: {error.reason}; told again every {RETRY // 60} minutes")


def _record(host: Host) -> dict[str, Any]:
    try:
        with open(host.at(RECORD), encoding="utf-8") as opened:
            return dict(json.load(opened))
    except (FileNotFoundError, ValueError):
        return {}


def _save(host: Host, record: dict[str, Any]) -> None:
    write(host, private(RECORD, json.dumps(record) + "\n"))
