"""The resources of one side that a person wants to see by name: what is protected, costs something or is a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plan.cost import Cost
from plan.details import detail
from plan.many import MOST, in_words
from policies.graph import Resource


@dataclass(frozen=True)
class Entry:
    """One resource, or more than MOST that are alike; `monthly` is what all of them cost."""

    names: str
    kind: str
    detail: str
    protect: bool
    monthly: float


def listed(resources: Sequence[Resource], cost: Cost) -> tuple[list[Entry], int]:
    """The entries, and how many resources are in none of them."""
    named = [one for one in resources if one.protect or cost.of(one.urn) or one.kind == "DnsRecord"]
    groups: dict[tuple[str, str, bool], list[Resource]] = {}
    for one in named:
        groups.setdefault((one.kind, detail(one), one.protect), []).append(one)
    entries = [entry for group in groups.values() for entry in _entries(group, cost)]
    return entries, len(resources) - len(named)


def _entries(group: Sequence[Resource], cost: Cost) -> list[Entry]:
    first = group[0]
    if len(group) > MOST and not first.protect:
        monthly = round(sum(cost.of(one.urn) for one in group), 2)
        return [Entry(in_words([one.name for one in group]), first.kind, detail(first), False, monthly)]
    return [Entry(one.name, one.kind, detail(one), one.protect, cost.of(one.urn)) for one in group]
