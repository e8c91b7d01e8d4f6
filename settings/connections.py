"""Connections that a product's services open to a PostgreSQL, against what it has for them.

A pool keeps `size` connections and opens `overflow` more while there is work, which it closes after (SQLAlchemy's
QueuePool; others name these otherwise). While a release goes on both slots run on every host at once, from `start` to
`stop` (scripts/host/fleet.py): of the old one a web service has nothing to do after the switch and keeps its `size`,
while a worker goes on working, and the only scheduler ends before the new one begins. On a platform, which replaces
instances one by one, the old ones serve beside the new.

The dump and the migrations come before the new slot starts, and take less than it does. Only a job after the switch
comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator

from settings.backing import Postgres
from settings.managed import CONNECTIONS
from settings.problems import Problem
from settings.product import Product, Service
from settings.variables import Wired

MOST = 100
"""PostgreSQL's own `max_connections`, where nothing is said (its manual, "Connections and Authentication")."""
RESERVED = 3
"""Those that it keeps for its administrator: `superuser_reserved_connections`."""


def run(product: Product, hosts: int, one_by_one: bool = False) -> Iterator[Problem]:
    """Databases whose limit the pools of the services on this many hosts pass, or a plan's own pools.

    `one_by_one`: the old instances of a service serve until all of the new ones do.
    """
    for name, backing in product.backing.items():
        if not isinstance(backing, Postgres):
            continue
        path = f"slipway:product.backing.{name}"
        users = {user: _opened(service, hosts, one_by_one) for user, service in _users(product, name)}
        count = sum(opened for opened, _ in users.values())
        terms = [f"{user} {term} = {opened}" for user, (opened, term) in users.items()]
        if users and _jobs_after(product, name):
            count, terms = count + 1, [*terms, "a job after the switch 1"]
        opens = f"the pools open up to {count} during a release ({', '.join(terms)})"
        if backing.provider == "managed" and backing.size in CONNECTIONS:
            yield from _managed(path, backing, count, opens)
        elif backing.provider == "host":
            yield from _on_host(path, backing, count, opens)


def _managed(path: str, backing: Postgres, count: int, opens: str) -> Iterator[Problem]:
    size = backing.size or ""
    most = CONNECTIONS[size]
    if count > most:
        enough = [slug for slug, has in CONNECTIONS.items() if has >= count]
        larger = f"{enough[0]}, or " if enough else ""
        message = f"{size} has {most} connections and {opens}, should be {larger}smaller pools, or fewer workers"
        yield Problem(f"{path}.size", message)
    pooled = sum(pool.size for pool in backing.pools.values())
    if pooled > most:
        message = f"take {pooled} connections together, should be at most {most}: {size} has no more"
        yield Problem(f"{path}.pools", message)


def _on_host(path: str, backing: Postgres, count: int, opens: str) -> Iterator[Problem]:
    said = backing.settings.get("max_connections", str(MOST))
    path = f"{path}.settings.max_connections"
    if not said.isdecimal():
        yield Problem(path, f"is {said}, should be a whole number such as {MOST}")
    elif count > int(said) - RESERVED:
        kept = f"{RESERVED} of them for whoever looks after it"
        message = f"is {said}, {kept}, and {opens}, should be at least {count + RESERVED}, or smaller pools"
        yield Problem(path, f"{message}, or fewer workers")


def _users(product: Product, backing: str) -> Iterator[tuple[str, Service]]:
    """The services that hold a pool and are wired to this backing service."""
    for name, service in product.services.items():
        if service.pool is not None and _is_wired(product, service, backing):
            yield name, service


def _is_wired(product: Product, service: Service, backing: str) -> bool:
    variables = {**product.environment, **service.environment}.values()
    return any(isinstance(value, Wired) and value.source == backing for value in variables)


def _jobs_after(product: Product, backing: str) -> bool:
    """Whether a job runs while both slots do. There is one at a time."""
    return any(
        job.when == "after-switch" and _is_wired(product, product.services[job.service], backing)
        for job in product.jobs.values()
        if job.service in product.services
    )


def _opened(service: Service, hosts: int, one_by_one: bool) -> tuple[int, str]:
    """How many connections the processes of a service have at most, and that as a person would write it."""
    assert service.pool is not None  # noqa: S101  (_users)
    pool = service.pool
    busy, on = pool.size + pool.overflow, hosts
    if service.role == "scheduler":
        each, term, on = busy, f"({pool.size} + {pool.overflow})", 1
    elif one_by_one or service.role == "worker":
        each, term = 2 * busy, f"2 x ({pool.size} + {pool.overflow})"
    else:
        each, term = pool.size + busy, f"(2 x {pool.size} + {pool.overflow})"
    replicas = service.autoscale.most if service.autoscale else service.replicas
    many = [(pool.workers, "worker"), (replicas, "replica"), (on, "host")]
    words = [f"{count} {what}s" for count, what in many if count > 1]
    return each * pool.workers * replicas * on, " x ".join([term, *words])
