"""What every host has that serves a product through its own nginx, whatever the product runs as."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hostfiles import maintenance, nginx, nginx_upkeep, sshd
from hostfiles.manifest import Certificate, Directory, File, Unit
from hostfiles.nginx_proxy import Front
from settings.kinds import with_hosts
from settings.product import Product
from settings.stack import Settings

KEPT_RELEASES = 5
DRAIN_SECONDS = 3
"""Between the switch and the stop of the old release: a request that nginx has just handed over arrives within it."""
RELEASE_JSON, SITE = "/etc/slipway/release.json", "/etc/slipway/site.conf"


def packages(front: Front | None = None) -> set[str]:
    """nginx, what obtains its certificate, and what every host has."""
    certificates = {"certbot"} if front is None else set()
    return {"nginx", "python3", *certificates, *maintenance.packages()}


CERTBOT = (
    Directory("/etc/letsencrypt"),
    Directory("/var/lib/letsencrypt"),
    Directory("/var/log/letsencrypt", "0700"),
)
"""Where certbot works, with its own modes. It would make them itself, but not from a unit that may not: if an apply
ends before its first order, the timer's is the first."""


def directories() -> list[Directory]:
    """Where the host's own programs keep what they know, and nginx finds its certificate."""
    return [
        Directory("/var/lib/slipway", "0700"),
        Directory("/var/lib/slipway/logs", "0700"),
        Directory("/etc/slipway", "0755"),
        Directory(nginx.TLS_ROOT, "0750", "root", "www-data"),
        Directory(nginx.ACME_ROOT, "0755"),
        *CERTBOT,
        *sshd.directories(),
        *maintenance.directories(),
    ]


def nginx_files(settings: Settings, front: Front | None = None) -> list[File]:
    """nginx.conf, and what keeps nginx well."""
    config = File(
        "/etc/nginx/nginx.conf",
        nginx.config(settings, with_hosts(settings.architecture), front),
        validate=("/usr/sbin/nginx", "-t", "-c", "{}"),
        then=("reload nginx.service",),
    )
    return [config, *nginx_upkeep.files()]


def release_files(settings: Settings, config: dict[str, Any], front: Front | None = None) -> list[File]:
    """How to release, and the routes that a release brings to nginx."""
    return [
        File(RELEASE_JSON, release_json(config), "0600"),
        # no reload: a release brings it to nginx
        File(SITE, nginx.site(settings, with_hosts(settings.architecture), front)),
    ]


def release_json(config: dict[str, Any]) -> str:
    """The text of release.json."""
    return json.dumps(config, indent=2) + "\n"


def units(front: Front | None = None) -> list[Unit]:
    """nginx, and what runs on every host. Certificates are renewed by a timer of ours, not by the package's."""
    certificates = [Unit("certbot.timer", enabled=False, running=False)] if front is None else []
    return [Unit("nginx.service"), *certificates, *maintenance.units()]


def certificate(settings: Settings) -> Certificate:
    """One for every name of the product."""
    product = settings.product
    return Certificate(product.domains, product.contact, settings.certificates.directory)


def jobs(product: Product) -> list[dict[str, Any]]:
    """The jobs that run around a release."""
    return [
        {"name": name, "service": job.service, "command": job.command, "when": job.when, "timeout": job.timeout}
        for name, job in product.jobs.items()
        if job.when is not None
    ]


def verified(product: Product) -> list[str]:
    """What has to answer after a release: the health of each web service as a visitor would see it, once each."""
    return list(dict.fromkeys(_health_urls(product)))


def _health_urls(product: Product) -> Iterator[str]:
    for route in product.routes:
        name = product.name_of(route)
        health = product.health_seen(name, route.service)
        if health:
            yield f"https://{name}{health}"
