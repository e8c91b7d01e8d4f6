"""Which of a fleet's hosts a backing service is on."""

from __future__ import annotations

from settings.backing import MongoDB, Postgres, Redis
from settings.product import Product

Hosted = MongoDB | Postgres | Redis
"""What hosts with Docker can run beside the product."""


def hosted(product: Product) -> dict[str, Hosted]:
    """The backing services that run on our own hosts."""
    return {
        name: backing
        for name, backing in product.backing.items()
        if backing.provider == "host" and isinstance(backing, Hosted)
    }


def data_hosts(product: Product) -> tuple[tuple[str, ...], ...]:
    """The backing services on each data host of a fleet: all on the first, a replica set's others on two more."""
    members = {
        name: backing.members if isinstance(backing, MongoDB) else 1 for name, backing in hosted(product).items()
    }
    most = max(members.values(), default=0)
    return tuple(tuple(name for name, count in members.items() if count > host) for host in range(most))
