"""What a stack costs a month. What has no known price is said to have none; it never counts as nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plan.many import MOST, natural
from policies.graph import Graph, Resource
from settings import prices
from settings.droplets import SIZES

_DO = "digitalocean:index/"
Price = tuple[float, str]
"""USD a month, and what for."""


@dataclass(frozen=True)
class Line:
    """A resource that costs something: USD a month, and what for."""

    urn: str
    name: str
    what: str
    monthly: float


@dataclass(frozen=True)
class Cost:
    """A stack's costs. `unpriced` are resources whose price is not in the table, each with the reason."""

    lines: tuple[Line, ...]
    unpriced: tuple[tuple[str, str], ...]

    @property
    def monthly(self) -> float:
        """The sum of all that is known, in USD."""
        return round(sum(line.monthly for line in self.lines), 2)

    def of(self, urn: str) -> float:
        """What one resource costs."""
        return round(sum(line.monthly for line in self.lines if line.urn == urn), 2)


def together(lines: Sequence[Line]) -> list[Line]:
    """The lines for people: of more than MOST that cost the same for the same, one stands for all, with their sum."""
    same: dict[tuple[str, float], list[Line]] = {}
    for line in lines:
        same.setdefault((line.what, line.monthly), []).append(line)
    found = [_summed(group) for group in same.values() if len(group) > MOST]
    found += [line for group in same.values() if len(group) <= MOST for line in group]
    whole = Cost(tuple(found), ())
    return sorted(found, key=lambda line: (-whole.of(line.urn), line.urn, -line.monthly))


def _summed(lines: Sequence[Line]) -> Line:
    first, last = (pick(lines, key=lambda line: natural(line.name)) for pick in (min, max))
    what = f"{len(lines)} × {first.what}, to {last.name}"
    return dataclasses.replace(first, what=what, monthly=round(sum(line.monthly for line in lines), 2))


class _UnpricedError(Exception):
    """The table has no price for this."""


def cost_of(graph: Graph) -> Cost:
    """What the resources cost together, the dearest first."""
    lines: list[Line] = []
    unpriced: list[tuple[str, str]] = []
    for resource in graph:
        if not resource.custom or resource.package in prices.FREE_PACKAGES or resource.type in prices.FREE:
            continue
        try:
            for monthly, what in _prices(resource, graph):
                if monthly:
                    lines.append(Line(resource.urn, resource.name, what, round(monthly, 2)))
        except _UnpricedError as reason:
            unpriced.append((resource.name, str(reason)))
    whole = Cost(tuple(lines), tuple(unpriced))
    dearest_first = sorted(lines, key=lambda line: (-whole.of(line.urn), line.urn, -line.monthly))
    return dataclasses.replace(whole, lines=tuple(dearest_first))


def _prices(resource: Resource, graph: Graph) -> list[Price]:
    priced = _PRICED.get(resource.type)
    if priced is None:
        raise _UnpricedError(f"{resource.type} is not in the price table")
    return priced(resource, graph)


def _known(table: Mapping[str, float], key: Any, what: str) -> float:
    if key not in table:
        raise _UnpricedError(f"{what} {key} is not in the price table")
    return table[key]


def _size(slug: Any) -> float:
    return _known({name: size.price for name, size in SIZES.items()}, slug, "the droplet size")


def _droplet(resource: Resource, graph: Graph) -> list[Price]:
    slug = resource.inputs.get("size")
    price = _size(slug)
    found = [(price, f"droplet {slug}")]
    if resource.inputs.get("backups"):
        policy = resource.inputs.get("backupPolicy")
        plan = policy.get("plan", "weekly") if isinstance(policy, Mapping) else "weekly"
        share = _known(prices.BACKUPS, plan, "the backup plan")
        found.append((price * share, f"{plan} backups, {share:.0%} of the droplet"))
    return found


def _volume(resource: Resource, graph: Graph) -> list[Price]:
    gib = resource.inputs.get("size", 0)
    return [(gib * prices.VOLUME_GIB, f"volume of {gib} GiB")]


def _reserved_ip(resource: Resource, graph: Graph) -> list[Price]:
    assigned = resource.inputs.get("dropletId") is not None or any(
        graph.depends(assignment, resource)
        for assignment in graph.of(f"{_DO}reservedIpAssignment:ReservedIpAssignment")
    )
    return [] if assigned else [(prices.IDLE_RESERVED_ADDRESS, "reserved address that no droplet has")]


def _bucket(resource: Resource, graph: Graph) -> list[Price]:
    first = graph.of(resource.type)[0] is resource
    return [(prices.SPACES, "Spaces: all buckets of the account, 250 GiB")] if first else []


def _load_balancer(resource: Resource, graph: Graph) -> list[Price]:
    kind = resource.inputs.get("type") or "REGIONAL"
    if kind in prices.LOAD_BALANCERS:
        return [(prices.LOAD_BALANCERS[kind], f"load balancer, {kind.lower().replace('_', ' ')}")]
    nodes = resource.inputs.get("sizeUnit") or 1
    return [(nodes * prices.LOAD_BALANCER_NODE, f"load balancer, {nodes} node{'s' if nodes > 1 else ''}")]


def _database(resource: Resource, graph: Graph) -> list[Price]:
    engine, size, nodes = (resource.inputs.get(key) for key in ("engine", "size", "nodeCount"))
    price = _known(_known_engine(engine), size, f"the {engine} size")
    return [((nodes or 1) * price, f"{engine} {size}, {nodes or 1} node{'s' if (nodes or 1) > 1 else ''}")]


def _replica(resource: Resource, graph: Graph) -> list[Price]:
    clusters = [
        cluster for cluster in graph.of(f"{_DO}databaseCluster:DatabaseCluster") if graph.depends(resource, cluster)
    ]
    size = resource.inputs.get("size") or (clusters[0].inputs.get("size") if clusters else None)
    return [(_known(prices.DATABASES["pg"], size, "the pg size"), f"pg {size}, read replica")]


def _known_engine(engine: Any) -> Mapping[str, float]:
    if engine not in prices.DATABASES:
        raise _UnpricedError(f"the database engine {engine} is not in the price table")
    return prices.DATABASES[engine]


def _app(resource: Resource, graph: Graph) -> list[Price]:
    spec = resource.inputs.get("spec") or {}
    found: list[Price] = []
    for part in ("services", "workers"):
        for component in spec.get(part, []):
            slug, scaled = component.get("instanceSizeSlug"), component.get("autoscaling") or {}
            count = component.get("instanceCount") or scaled.get("minInstanceCount") or 1
            price = _known(prices.APP_INSTANCES, slug, "the instance size")
            more = f", up to {scaled['maxInstanceCount']}" if scaled else ""
            found.append((count * price, f"{component.get('name')}: {count} × {slug}{more}"))
    return found


def _kubernetes(resource: Resource, graph: Graph) -> list[Price]:
    pool = resource.inputs.get("nodePool") or {}
    found = _pool(pool)
    return [(prices.KUBERNETES_HA, "highly available control plane"), *found] if resource.inputs.get("ha") else found


def _pool(pool: Mapping[str, Any]) -> list[Price]:
    size, count = pool.get("size"), pool.get("nodeCount") or pool.get("minNodes") or 1
    return [(count * _size(size), f"{count} × {size}")]


_PRICED: dict[str, Callable[[Resource, Graph], list[Price]]] = {
    f"{_DO}droplet:Droplet": _droplet,
    f"{_DO}volume:Volume": _volume,
    f"{_DO}reservedIp:ReservedIp": _reserved_ip,
    f"{_DO}spacesBucket:SpacesBucket": _bucket,
    f"{_DO}loadBalancer:LoadBalancer": _load_balancer,
    f"{_DO}databaseCluster:DatabaseCluster": _database,
    f"{_DO}databaseReplica:DatabaseReplica": _replica,
    f"{_DO}uptimeCheck:UptimeCheck": lambda _, __: [(prices.UPTIME_CHECK, "uptime check")],
    f"{_DO}app:App": _app,
    f"{_DO}kubernetesCluster:KubernetesCluster": _kubernetes,
    f"{_DO}kubernetesNodePool:KubernetesNodePool": lambda resource, _: _pool(resource.inputs),
}
