"""One droplet, no Docker: nginx, the product's processes under PM2, Redis and RabbitMQ beside them.

… ─► droplet: UFW ─► nginx ─► PM2: web, worker, scheduler
               │                     static files
               └─► Redis, RabbitMQ (loopback) · external database · bucket
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from architectures import one_droplet, wiring
from hostfiles import bundle, droplet_pm2
from hostfiles.environment import resolve
from settings.kinds import DropletPm2, of_kind
from settings.stack import Settings


def build(settings: Settings) -> Mapping[str, Any]:
    """Declare the stack and return its outputs."""
    return one_droplet.build(
        settings,
        of_kind(settings.architecture, DropletPm2),
        lambda plain: _manifest(settings, plain),
        lambda plain: _release(settings, plain),
    )


def _variables(settings: Settings, plain: wiring.Values) -> dict[str, str]:
    facts = {**plain.facts, **droplet_pm2.backing_facts(settings, plain.passwords)}
    return resolve(settings, plain.secrets, plain.generated, facts)


def _manifest(settings: Settings, plain: wiring.Values) -> str:
    source = settings.product.source
    token = plain.secrets[source.token.secret] if source and source.token else None
    manifest = droplet_pm2.manifest(settings, _variables(settings, plain), plain.passwords, token)
    return bundle.bundle(manifest.as_dict())


def _release(settings: Settings, plain: wiring.Values) -> str:
    request = droplet_pm2.release_request(settings, _variables(settings, plain), owner=f"pulumi up -s {settings.stack}")
    return json.dumps(request, sort_keys=True)
