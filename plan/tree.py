"""The resources as a tree: components, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
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
    """The whole tree from top to bottom; siblings in the order in which they are made."""
    return list(_below(None, (), graph, cost))


def _below(parent: str | None, last: tuple[bool, ...], graph: Graph, cost: Cost) -> Iterator[Row]:
    children = graph.children(parent)
    if parent is None:  # what has parts stands before what has none
        children = sorted(children, key=lambda child: not graph.children(child.urn))
    unpriced = {name for name, _ in cost.unpriced}
    for index, child in enumerate(children):
        here = (*last, index == len(children) - 1)
        yield Row(child, here, detail(child), cost.of(child.urn), child.custom and child.name in unpriced)
        yield from _below(child.urn, here, graph, cost)
