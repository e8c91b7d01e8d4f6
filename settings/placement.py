"""Which of our own hosts a backing service is on, and how much of its memory it may take."""

from __future__ import annotations

from settings.backing import MongoDB, Postgres, Redis
from settings.product import Product

Hosted = MongoDB | Postgres | Redis
"""What hosts with Docker can run beside the product."""
SYSTEM_MIB = 512
"""What the system, Docker and nginx take of a host's memory."""

MONGODB_MIB = 384
"""The least that a MongoDB can be given: its smallest cache, 256 MiB, and half as much for mongod itself."""

_SHARES = {"postgres": 4, "mongodb": 4, "redis": 8}
"""Beside the product, each engine may take one part in this many of the memory, where the stack file says nothing."""


def hosted(product: Product) -> dict[str, Hosted]:
    """The backing services that run on our own hosts."""
    return {
        name: backing
        for name, backing in product.backing.items()
        if backing.provider == "host" and isinstance(backing, Hosted)
    }


def memory_beside(backing: Hosted, host: int) -> int:
    """MiB that a backing service may take beside the product, of so many that the host has."""
    return backing.memory if backing.memory is not None else host // _SHARES[backing.engine]


def memory_apart(backing: Hosted, host: int, services: int) -> int:
    """MiB that it may take on a data host that it shares with others; `services` counts all of them."""
    return backing.memory if backing.memory is not None else (host - SYSTEM_MIB) // services


def data_volume(product: Product, number: int) -> int | None:
    """GiB of a data host's one volume: what all that is on it asks for, or None where nothing does."""
    backing = hosted(product)
    return sum(backing[name].volume or 0 for name in data_hosts(product)[number]) or None


def data_hosts(product: Product) -> tuple[tuple[str, ...], ...]:
    """The backing services on each data host of a fleet: all on the first, a replica set's others on two more."""
    members = {
        name: backing.members if isinstance(backing, MongoDB) else 1 for name, backing in hosted(product).items()
    }
    most = max(members.values(), default=0)
    return tuple(tuple(name for name, count in members.items() if count > host) for host in range(most))
