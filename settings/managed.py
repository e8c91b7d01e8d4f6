"""DigitalOcean's managed databases: which versions and sizes there are, and what a size can do. A dated table, 2026-11.

Sources: docs.digitalocean.com/products/databases, "Managed PostgreSQL connection limits" (25 connections for each GiB
of memory, 3 of them reserved for maintenance; "How to Manage Connection Pools" counts 22 on the smallest plan) and
"PostgreSQL Limits"; PostgreSQL 13 and 14 have left the service, MongoDB 6 has ended (2025-07-31). Standby nodes can be
added to any size but the smallest; of MongoDB's smallest the sources disagree, so it is one node here. Which sizes
there are is in `settings.prices`.
"""

from __future__ import annotations

from settings import prices
from settings.backing import AnyBacking, MongoDB, Postgres, Redis
from settings.product import Product

VERSIONS: dict[str, tuple[int, ...]] = {"postgres": (15, 16, 17), "mongodb": (7, 8), "redis": (8,)}
"""What can be made new. Redis is Valkey there."""
EVICTIONS = ("noeviction", "allkeys-lru", "volatile-lru", "volatile-ttl")
"""Valkey's, of those that a stack file can say. (The SDK's DatabaseCluster names them all: none counts how often.)"""
CONNECTIONS = {"db-s-1vcpu-1gb": 22, "db-s-1vcpu-2gb": 47, "db-s-2vcpu-4gb": 97}
"""How many connections a PostgreSQL of each size has for the product: 25 for each GiB, less the 3 reserved."""
SINGLE_NODE = frozenset({"db-s-1vcpu-1gb"})
"""Sizes that come as one node: no standby, no replica, no member beside it."""

_PRICED_AS = {"postgres": "pg", "redis": "valkey", "mongodb": "mongodb"}


def sizes(engine: str) -> tuple[str, ...]:
    """The sizes of this engine, the cheapest first, and then those whose price is not known."""
    called = _PRICED_AS.get(engine, "")
    known = prices.DATABASES.get(called, {})
    return (*sorted(known, key=lambda size: (known[size], size)), *prices.UNPRICED_DATABASES.get(called, ()))


def unpriced(product: Product) -> list[str]:
    """The managed databases, by name, whose size has no price in the table."""
    return [
        name
        for name, backing in product.backing.items()
        if backing.provider == "managed"
        and backing.size in prices.UNPRICED_DATABASES.get(_PRICED_AS.get(backing.engine, ""), ())
    ]


def more_nodes(backing: AnyBacking) -> dict[str, object]:
    """The keys by which a managed database has more than its one node, with their values."""
    said: dict[str, object] = {}
    if isinstance(backing, Postgres | Redis) and backing.standby:
        said["standby"] = "true"
    if isinstance(backing, Postgres) and backing.read_replicas:
        said["read_replicas"] = backing.read_replicas
    if isinstance(backing, MongoDB) and backing.members > 1:
        said["members"] = backing.members
    return said
