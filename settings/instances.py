"""DigitalOcean's App Platform: where it is, and what its instances have. A dated table, 2026-11; prices in `prices`.

Sources: docs.digitalocean.com/products/app-platform (pricing, "Scale apps", app spec reference) and `GET
/v2/apps/tiers/instance_sizes` as documented. An app whose network is a VPC runs in the VPC's own data centre.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Class = Literal["fixed", "shared", "dedicated"]

REGIONS = ("ams3", "blr1", "fra1", "lon1", "nyc1", "nyc3", "sfo3", "sgp1", "syd1", "tor1")
"""The data centres that apps run in."""
REGISTRIES = {"ghcr.io": "GHCR", "docker.io": "DOCKER_HUB"}
"""Where images are pulled from, and what the platform calls it."""


class Instance(NamedTuple):
    """What one instance has: memory in MiB. `fixed` ones come alone, only `dedicated` ones can be scaled by load."""

    cls: Class
    cpus: int
    memory: int


INSTANCES: dict[str, Instance] = {
    "apps-s-1vcpu-0.5gb": Instance("fixed", 1, 512),
    "apps-s-1vcpu-1gb-fixed": Instance("fixed", 1, 1024),
    "apps-s-1vcpu-1gb": Instance("shared", 1, 1024),
    "apps-s-1vcpu-2gb": Instance("shared", 1, 2048),
    "apps-s-2vcpu-4gb": Instance("shared", 2, 4096),
    "apps-d-1vcpu-0.5gb": Instance("dedicated", 1, 512),
    "apps-d-1vcpu-1gb": Instance("dedicated", 1, 1024),
    "apps-d-1vcpu-2gb": Instance("dedicated", 1, 2048),
    "apps-d-1vcpu-4gb": Instance("dedicated", 1, 4096),
    "apps-d-2vcpu-4gb": Instance("dedicated", 2, 4096),
    "apps-d-2vcpu-8gb": Instance("dedicated", 2, 8192),
    "apps-d-4vcpu-8gb": Instance("dedicated", 4, 8192),
}
STEPS = {"launch": "apps-s-1vcpu-1gb", "growth": "apps-s-2vcpu-4gb", "scale": "apps-d-4vcpu-8gb"}
"""Sizes by what they are for (requirement SF10): 1 GB to begin with, 4 GB and 2 CPUs for five times as many people,
8 GB and 4 CPUs for ten times as many. The last is the first that can be scaled by load."""


def slug(size: str) -> str:
    """The platform's own name of a size."""
    return STEPS.get(size, size)


def sizes_with(cpus: float, memory: int, classes: tuple[Class, ...]) -> list[str]:
    """The platform's sizes that have at least this much and are of one of these classes, as the table has them."""
    return [name for name, has in INSTANCES.items() if has.cls in classes and has.cpus >= cpus and has.memory >= memory]
