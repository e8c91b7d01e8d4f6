"""Devora and Vulcan as their stack files say it, with readable words for secrets, and ways to change them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hostfiles import balancer_host, compose_host
from hostfiles.engines import administrator
from hostfiles.manifest import Manifest
from settings import stackfile
from settings.backing import FIELDS
from settings.parse import parse
from settings.placement import data_hosts, hosted
from settings.stack import Settings
from tests.hostfiles.stacks import ROOT, named_secrets

DATA_HOSTS = ("10.100.0.21", "10.100.0.22", "10.100.0.23")
TOKEN = "token-of-the-registry"
SHARE = "10.100.0.30:/100001/vulcan-prod"


def stack(name: str, product: dict[str, Any] | None = None, **blocks: Any) -> Settings:
    """A shipped stack with these keys of the product, and these of other blocks, in place of its own."""
    file = stackfile.read(ROOT / f"Pulumi.{name}.yaml")
    values = copy.deepcopy(dict(file.values))
    values.pop("budget", None)
    values["product"] |= product or {}
    for block, changes in blocks.items():
        values[block] = {**values.get(block, {}), **changes}
    return parse(name, values, file.secrets | named_secrets(values))


def everything(**changes: Any) -> Settings:
    """Devora on one droplet with all that a product of containers can ask of it."""
    raw = dict(stackfile.read(ROOT / "Pulumi.devora-vps.yaml").values)["product"]
    services = copy.deepcopy(raw["services"])
    services["backend"] |= {"read_only": False, "user": "10001:10001"}
    services["backend"]["environment"] |= {
        "REDIS_URL": {"from": "cache"},
        "MEMORI_DATABASE_URL": {"from": "memory"},
        "SECRET_KEY": {"generate": 50},
        "STRIPE_KEY": {"secret": "STRIPE_KEY"},
        "ENABLE_DEBUG_BAR": "false",
    }
    services["mail"] = {
        "role": "worker",
        "image": "backend",
        "command": "celery -A app worker --loglevel 'info' -n '$HOSTNAME'",
        "ready": "celery -A app inspect ping -d '$HOSTNAME'",
        "memory": "256Mi",
        "replicas": 2,
        "stop_after": "90s",
    }
    services["beat"] = {"role": "scheduler", "image": "backend", "command": "celery -A app beat"}
    product = {
        "services": services,
        "jobs": {"migrate": {"service": "backend", "command": "alembic upgrade head", "when": "before-switch"}},
        "backing": {
            **raw["backing"],
            "memory": {"engine": "postgres", "provider": "host", "settings": {"shared_buffers": "64MB"}},
            "cache": {"engine": "redis", "provider": "host", "persistence": "append-only"},
        },
        "environment": {"LOG_LEVEL": "info"},
        **changes.pop("product", {}),
    }
    architecture = {"size": "s-4vcpu-8gb", "volume": 20, **changes.pop("architecture", {})}
    return stack("devora-vps", product, architecture=architecture, **changes)


def fleet(**architecture: Any) -> Settings:
    """Vulcan with its data on hosts of its own: PostgreSQL, Redis, and MongoDB as a replica set of three."""
    raw = dict(stackfile.read(ROOT / "Pulumi.prod.yaml").values)["product"]
    product = {
        "services": {name: {**service, "memory": "1Gi"} for name, service in raw["services"].items()},
        "backing": {
            "database": {"engine": "postgres", "provider": "host", "volume": 50},
            "cache": {"engine": "redis", "provider": "host", "memory": "512Mi"},
            "documents": {"engine": "mongodb", "provider": "host", "members": 3, "memory": "1Gi"},
        },
    }
    return stack("prod", product, architecture=architecture)


def sharing() -> Settings:
    """Vulcan with uploads on the disk of two hosts, which is a share."""
    services = copy.deepcopy(dict(stackfile.read(ROOT / "Pulumi.prod.yaml").values)["product"]["services"])
    services["backend"] |= {"volumes": {"uploads": "/var/uploads"}, "user": "10001:10001"}
    return stack("prod", {"services": services}, architecture={"share": 50})


def passwords(settings: Settings) -> dict[str, str]:
    """Words for the passwords of backing services on our own hosts."""
    made = {name: f"password-of-{name}" for name in hosted(settings.product)}
    return made | {administrator(name): f"password-of-the-administrator-of-{name}" for name in made}


def words(settings: Settings) -> dict[str, str]:
    """Every word that stands for a secret, by what it is."""
    named = {name: f"<secret {name}>" for _, name in settings.product.secret_references()}
    made = {key: f"<generated {key}>" for key, _ in settings.product.generated_values()}
    urls = {f"{name}.{field}": text for name, told in facts(settings).items() for field, text in told.items()}
    held = {key: text for key, text in urls.items() if key.endswith((".url", ".password", "_key"))}
    return {**named, **made, **held, **passwords(settings), "registry": TOKEN}


def facts(settings: Settings) -> dict[str, dict[str, str]]:
    """How every backing service is reached."""
    known = {
        name: {field: f"<{field} of {name}>" for field in sorted(FIELDS[backing.engine])}
        for name, backing in settings.product.backing.items()
    }
    count = len(data_hosts(settings.product)) if compose_host.front(settings) else 0
    return {**known, **compose_host.backing_facts(settings, passwords(settings), DATA_HOSTS[:count])}


def variables(settings: Settings) -> dict[str, dict[str, str]]:
    """The environment of every service, in those words."""
    secrets = {name: f"<secret {name}>" for _, name in settings.product.secret_references()}
    generated = {key: f"<generated {key}>" for key, _ in settings.product.generated_values()}
    return compose_host.variables(settings, secrets, generated, facts(settings))


def manifest(settings: Settings) -> Manifest:
    """The manifest of a host of the product."""
    hostname = f"{settings.name}-1" if compose_host.front(settings) else None
    shared = SHARE if getattr(settings.architecture, "share", None) else None
    return compose_host.manifest(
        settings, variables(settings), facts(settings), passwords(settings), TOKEN, hostname=hostname, shared=shared
    )


def balancer_manifest(settings: Settings) -> Manifest:
    """The manifest of a fleet's balancer on a host of its own, before two hosts."""
    hosts = {f"{settings.name}-1": "10.100.0.2", f"{settings.name}-2": "10.100.0.3"}
    return balancer_host.manifest(settings, hosts, f"{settings.name}-balancer")


def data_manifests(settings: Settings) -> Iterator[Manifest]:
    """The manifests of a fleet's data hosts."""
    hosts = DATA_HOSTS[: len(data_hosts(settings.product))] if compose_host.front(settings) else ()
    for number in range(len(hosts)):
        name = f"{settings.name}-data-{number + 1}"
        yield compose_host.data_manifest(settings, number, hosts, passwords(settings), name, TOKEN)
