"""What no kind that runs on droplets of our own can carry."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from settings.context import Context
from settings.droplets import SIZES
from settings.problems import Problem
from settings.product import Product, Service
from settings.quantity import MEMORY
from settings.stack import Access

NOT_COMPATIBLE = (
    "is false, should be true: the old release serves until the new one answers; split the change in two releases, "
    "first what both can live with"
)
"""What is wrong with a job that the release before can't live with."""


def jobs(product: Product, kind: str) -> Iterator[Problem]:
    """Jobs by the clock, and jobs that the release before can't live with."""
    for name, job in product.jobs.items():
        if job.schedule is not None:
            message = f"{kind} runs no scheduled job: let a service with `role: scheduler` queue it"
            yield Problem(f"slipway:product.jobs.{name}.schedule", message)
        if job.backward_compatible is False:
            yield Problem(f"slipway:product.jobs.{name}.backward_compatible", NOT_COMPATIBLE)


def admins(context: Context) -> Iterator[Problem]:
    """Admins who have no IPv4 address could log in to no droplet: it has no IPv6 address."""
    access = context.blocks.get("access")
    raw = context.raw.get("access")
    given = raw.get("admin_cidrs") if isinstance(raw, Mapping) else None
    if not isinstance(access, Access) or not isinstance(given, list) or not given:
        return
    whole = len(access.admin_cidrs) == len(given) and (access.ssh_from_anywhere or not access.open_ranges)
    if whole and all(ipaddress.ip_network(cidr).version == 6 for cidr in access.admin_cidrs):
        yield Problem(
            "slipway:access.admin_cidrs",
            "has no IPv4 range, should have at least one such as 203.0.113.7/32: droplets have no IPv6 address here, "
            "so nobody could log in",
        )


def size_of(context: Context, key: str = "size") -> str | None:
    """The droplet size that the architecture's `key` names; None where that is a mistake itself."""
    architecture, raw = context.blocks.get("architecture"), context.raw.get("architecture")
    slug = getattr(architecture, key, None)
    said = raw.get(key) if isinstance(raw, Mapping) else None
    return slug if isinstance(slug, str) and said in (None, slug) else None


def memory(path: str, service: Service, size: str | None) -> Iterator[Problem]:
    """A limit that is never reached is none: the droplet would run out of memory first."""
    most = SIZES[size].memory if size is not None else None
    if most is not None and service.memory is not None and service.memory > most:
        message = f"is {MEMORY.write(service.memory)}, should be at most {MEMORY.write(most)}: the droplet has no more"
        yield Problem(f"{path}.memory", message)
