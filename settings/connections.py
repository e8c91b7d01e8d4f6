"""Connections that a product's services open to a managed PostgreSQL, against what its plan has."""

from __future__ import annotations

from collections.abc import Iterator

from settings.backing import Postgres
from settings.managed import CONNECTIONS
from settings.problems import Problem
from settings.product import Product, Service
from settings.variables import Wired


def run(product: Product, hosts: int) -> Iterator[Problem]:
    """Plans whose limit the pools of the services on this many hosts pass, or the plan's own pools."""
    for name, backing in product.backing.items():
        if not isinstance(backing, Postgres) or backing.provider != "managed" or backing.size not in CONNECTIONS:
            continue
        path, most = f"slipway:product.backing.{name}", CONNECTIONS[backing.size]
        opened = {user: _opened(service, hosts) for user, service in _users(product, name)}
        if sum(opened.values()) > most:
            terms = ", ".join(
                f"{user} {_term(product.services[user], hosts)} = {count}" for user, count in opened.items()
            )
            yield Problem(
                f"{path}.size",
                f"{backing.size} has {most} connections and the pools open up to {sum(opened.values())} ({terms}), "
                f"should be {_larger(sum(opened.values()))}smaller pools, or fewer workers",
            )
        pooled = sum(pool.size for pool in backing.pools.values())
        if pooled > most:
            message = f"take {pooled} connections together, should be at most {most}: {backing.size} has no more"
            yield Problem(f"{path}.pools", message)


def _users(product: Product, backing: str) -> Iterator[tuple[str, Service]]:
    """The services that hold a pool and are wired to this backing service."""
    for name, service in product.services.items():
        variables = {**product.environment, **service.environment}.values()
        if service.pool is not None and any(
            isinstance(value, Wired) and value.source == backing for value in variables
        ):
            yield name, service


def _opened(service: Service, hosts: int) -> int:
    assert service.pool is not None  # noqa: S101  (_users)
    each = (service.pool.size + service.pool.overflow) * service.pool.workers
    return each * _replicas(service) * _hosts_of(service, hosts)


def _replicas(service: Service) -> int:
    """How many there may be at once."""
    return service.autoscale.most if service.autoscale else service.replicas


def _hosts_of(service: Service, hosts: int) -> int:
    return 1 if service.role == "scheduler" else hosts


def _term(service: Service, hosts: int) -> str:
    """The product of numbers that a service's connections are, as a person would write it."""
    assert service.pool is not None  # noqa: S101  (_users)
    pool, on = service.pool, _hosts_of(service, hosts)
    many = [(pool.workers, "worker"), (_replicas(service), "replica"), (on, "host")]
    words = [f"{count} {what}s" for count, what in many if count > 1]
    return " x ".join([f"({pool.size} + {pool.overflow})", *words])


def _larger(connections: int) -> str:
    enough = [size for size, most in CONNECTIONS.items() if most >= connections]
    return f"{enough[0]}, or " if enough else ""
