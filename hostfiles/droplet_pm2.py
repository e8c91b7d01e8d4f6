"""Everything that a droplet with PM2 is told: its manifest, how to build and run the product, and what to release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from hostfiles import environment, maintenance, nginx, pm2, pm2_units, rabbitmq, redis, sshd, web_host
from hostfiles.manifest import Directory, File, Firewall, Manifest, Toolchain, Unit, User
from settings.backing import RabbitMQ, Redis
from settings.droplets import SIZES
from settings.kinds import DropletPm2, of_kind
from settings.product import Product, Service
from settings.stack import Settings

NODE, PM2, PNPM = "24.19.0", "7.0.4", "10.34.9"
"""The toolchain, by exact version: Node 24 is the long-term line (source: the projects' own lists, 2026-11)."""
SOURCE_TOKEN = "/etc/slipway/source-token"  # noqa: S105 - its path
"""Where scripts/host/checkout.py looks for it: root's alone."""
FREE_MIB = 1024
"""A release does not start with less free disk, in MiB: a full disk stops Redis and RabbitMQ, too."""

_INSTALL = {"python": "pip install -r requirements.txt", "node": "pnpm install --frozen-lockfile"}


def manifest(
    settings: Settings, variables: Mapping[str, str], passwords: Mapping[str, str], source_token: str | None = None
) -> Manifest:
    """The host, whole. `passwords` are of the backing services that run on it, by name; `source_token` may read the
    product's repository where that is private."""
    architecture, product = _architecture(settings), settings.product
    return Manifest(
        product=product.name,
        hostname=settings.name,
        swap_mib=architecture.swap,
        packages=tuple(sorted(_packages(settings))),
        toolchain=Toolchain(NODE, {"pm2": PM2, "pnpm": PNPM}),
        users=(User(product.name, f"/srv/{product.name}"), *sshd.users()),
        directories=tuple(_directories(product)),
        files=(*_files(settings, variables, passwords), *_token_file(source_token)),
        absent=("/etc/nginx/sites-enabled/default", *(() if source_token else (SOURCE_TOKEN,))),
        units=tuple(_units(settings)),
        firewall=Firewall(settings.access.admin_cidrs, (80, 443)),
        certificate=web_host.certificate(settings),
    )


def backing_facts(settings: Settings, passwords: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """How services reach the backing services on the host, by name."""
    facts: dict[str, dict[str, str]] = {}
    for name, backing in settings.product.backing.items():
        if backing.provider == "host" and isinstance(backing, Redis):
            facts[name] = redis.facts(passwords[name])
        elif backing.provider == "host" and isinstance(backing, RabbitMQ):
            facts[name] = rabbitmq.facts(settings.product.name, passwords[name])
    return facts


def release_config(settings: Settings) -> dict[str, Any]:
    """release.json: how to build, start and check the product. It holds no secret and does not name a commit."""
    product = settings.product
    assert product.source is not None  # noqa: S101  (settings.checks: this kind needs one)
    ordered = product.services_of("web", "worker", "scheduler", "static")
    return {
        "product": product.name,
        "user": product.name,
        "root": f"/srv/{product.name}",
        "domain": product.domain,
        "repository": product.source.repository,
        "keep": web_host.KEPT_RELEASES,
        "drain_seconds": web_host.DRAIN_SECONDS,
        "min_free_mib": FREE_MIB,
        "services": [_service(settings, name, service) for name, service in ordered.items()],
        "jobs": web_host.jobs(product),
        "verify": web_host.verified(product),
    }


def release_request(settings: Settings, variables: Mapping[str, str], owner: str) -> dict[str, Any]:
    """What `slipway release` is asked for. `revision` changes with anything that a running release was started with."""
    routes = nginx.site(settings, _architecture(settings))
    started_with = web_host.release_json(release_config(settings)) + environment.dotenv(variables) + routes
    return {
        "commit": settings.product.release.commit,
        "revision": hashlib.sha256(started_with.encode()).hexdigest(),
        "owner": owner,
        "take_over": False,
    }


def _architecture(settings: Settings) -> DropletPm2:
    return of_kind(settings.architecture, DropletPm2)


def _packages(settings: Settings) -> set[str]:
    needed = {"git", "python3-venv", *web_host.packages()}
    return needed | {f"{backing.engine}-server" for _, backing in _on_host(settings.product)}


def _on_host(product: Product) -> Iterator[tuple[str, Redis | RabbitMQ]]:
    for name, backing in product.backing.items():
        if backing.provider == "host" and isinstance(backing, Redis | RabbitMQ):
            yield name, backing


def _directories(product: Product) -> list[Directory]:
    name, root = product.name, f"/srv/{product.name}"
    return [
        # sticky: the user may have directories of its own in here, but can't rename root's links, which root follows
        Directory(root, "1771", "root", name),
        Directory(f"{root}/releases", "0711"),
        Directory(f"{root}/slots", "0755"),
        Directory(f"{root}/logs", "0750", name, name),
        Directory(f"{root}/.pm2", "0700", name, name),
        Directory(f"{root}/repository", "0750", name, name),
        *web_host.directories(),
    ]


def _files(settings: Settings, variables: Mapping[str, str], passwords: Mapping[str, str]) -> list[File]:
    architecture, product = _architecture(settings), settings.product
    memory = SIZES[architecture.size].memory
    name, root = product.name, f"/srv/{product.name}"
    files = [
        *web_host.nginx_files(settings),
        File(f"{root}/ecosystem.config.js", pm2.ecosystem(product), group=name),
        File(f"{root}/.env", environment.dotenv(variables), "0600", name, name),
        *web_host.release_files(settings, release_config(settings)),
        *sshd.files(settings.access.ssh_keys),
        *pm2_units.files(settings),
        *maintenance.files(pm2.rotated_logs(name), untouched=(f"pm2-{name}.service",)),
    ]
    for backing_name, backing in _on_host(product):
        if isinstance(backing, Redis):
            files.append(redis.file(backing, passwords[backing_name], memory))
        else:
            files += rabbitmq.files(name, passwords[backing_name], memory)
    return files


def _token_file(token: str | None) -> list[File]:
    return [File(SOURCE_TOKEN, token + "\n", "0600")] if token else []


def _units(settings: Settings) -> list[Unit]:
    units = web_host.units()
    for _, backing in _on_host(settings.product):
        units += [Unit("epmd.socket")] if isinstance(backing, RabbitMQ) else []
        units.append(Unit(f"{backing.engine}-server.service"))
    return [*units, *pm2_units.units(settings)]


def _service(settings: Settings, name: str, service: Service) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name,
        "role": service.role,
        "runtime": service.runtime,
        "directory": service.directory,
        "install": service.install or _INSTALL[service.runtime or "python"],
        "build": list(service.build),
    }
    if service.role == "static":
        return {**described, "output": service.output}
    return {
        **described,
        "command": service.command,
        "server": pm2_units.server(service.command or "") if service.role == "web" else None,
        "port": service.port,
        "health": service.health,
        "ready": service.ready,
        "start_within": service.start_within,
        "stop_after": service.stop_after,
        "replicas": service.replicas,
        "memory_mib": service.memory,
        "environment": environment.service_environment(settings, name),
    }
