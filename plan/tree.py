"""The resources as a tree: components, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plan.cost import Cost
from plan.details import detail
from policies.graph import Graph, Resource


@dataclass(frozen=True)
class Row:
    """A resource at its place in the tree. `last` says for each level whether it is the last of its siblings."""

    resource: Resource
    last: tuple[bool, ...]
    detail: str
    monthly: float
    unpriced: bool

    @property
    def depth(self) -> int:
        """0 for a resource that has no parent."""
        return len(self.last) - 1

    @property
    def rails(self) -> str:
        """The lines that lead to this row."""
        if self.depth == 0:
            return ""
        return "".join("   " if last else "│  " for last in self.last[1:-1]) + ("└─ " if self.last[-1] else "├─ ")


def rows(graph: Graph, cost: Cost) -> list[Row]:
    """The whole tree from top to bottom; siblings in the order in which they, or the first of their parts, are made."""
    order: dict[str, int] = {}
    for index, resource in enumerate(graph):
        if resource.custom or not graph.children(resource.urn):
            _note(resource, index, graph, order)
    return list(_below(None, (), graph, cost, order))


def _note(resource: Resource, index: int, graph: Graph, order: dict[str, int]) -> None:
    """Note that `resource`, and with it each of its ancestors that has no part yet, is made at `index`."""
    place: Resource | None = resource
    while place is not None:
        order.setdefault(place.urn, index)
        place = graph.get(place.parent) if place.parent else None


def _below(
    parent: str | None, last: tuple[bool, ...], graph: Graph, cost: Cost, order: Mapping[str, int]
) -> Iterator[Row]:
    # at the top, what has parts stands before what has none
    children = sorted(
        graph.children(parent), key=lambda child: (parent is None and not graph.children(child.urn), order[child.urn])
    )
    unpriced = {name for name, _ in cost.unpriced}
    for index, child in enumerate(children):
        here = (*last, index == len(children) - 1)
        yield Row(child, here, detail(child), cost.of(child.urn), child.custom and child.name in unpriced)
        yield from _below(child.urn, here, graph, cost, order)
