"""One droplet with Docker: nginx, the product's containers in two slots, its backing services beside them.

… ─► droplet: UFW and a guard before Docker ─► nginx ─► containers of the slot that serves: web, worker, scheduler
                                                          └─► backing services in containers, managed or external
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from architectures import one_droplet, wiring
from hostfiles import bundle, compose_host, environment
from settings.kinds import DropletCompose, of_kind
from settings.stack import Settings


def build(settings: Settings) -> Mapping[str, Any]:
    """Declare the stack and return its outputs."""
    return one_droplet.build(
        settings,
        of_kind(settings.architecture, DropletCompose),
        lambda plain: bundle.bundle(manifest(settings, plain)),
        lambda plain: release(settings, plain),
    )


def facts(settings: Settings, plain: wiring.Values) -> dict[str, Mapping[str, str]]:
    """How services reach every backing service."""
    on_hosts = compose_host.backing_facts(settings, plain.passwords, plain.data_hosts)
    return {**environment.external_facts(settings, plain.secrets), **plain.facts, **on_hosts}


def registry_token(settings: Settings, plain: wiring.Values) -> str | None:
    """What a host pulls private images with."""
    registry = settings.product.registry
    return plain.secrets[registry.token.secret] if registry else None


def manifest(settings: Settings, plain: wiring.Values) -> dict[str, Any]:
    """What a host that runs the product is told to be. Those of a fleet differ in their `hostname` alone."""
    known = facts(settings, plain)
    variables = compose_host.variables(settings, plain.secrets, plain.generated, known)
    token = registry_token(settings, plain)
    return compose_host.manifest(settings, variables, known, plain.passwords, token, shared=plain.share).as_dict()


def release(settings: Settings, plain: wiring.Values) -> str:
    """What is released, on one host or on all of a fleet's."""
    variables = compose_host.variables(settings, plain.secrets, plain.generated, facts(settings, plain))
    return json.dumps(
        compose_host.release_request(settings, variables, owner=f"pulumi up -s {settings.stack}"), sort_keys=True
    )
