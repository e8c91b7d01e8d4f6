"""The resources as a tree: components, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plan.cost import Cost
from plan.details import detail
from plan.many import MOST, family, natural
from policies.graph import Graph, Resource


@dataclass(frozen=True)
class Row:
    """A resource at its place in the tree. `last` says for each level whether it is the last of its siblings.

    `count` is how many there are like it, this one included; the others are not in the tree.
    """

    resource: Resource
    last: tuple[bool, ...]
    detail: str
    monthly: float
    unpriced: bool
    count: int = 1

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
    """The whole tree from top to bottom; siblings in the order in which they, or the first of their parts, are made.

    Of more than MOST components that are alike, with all their parts, the first stands for the others. What is
    protected stands for itself.
    """
    order: dict[str, int] = {}
    for index, resource in enumerate(graph):
        if resource.custom or not graph.children(resource.urn):
            _note(resource, index, graph, order)
    return list(_Tree(graph, cost, order).below(None, (), 1))


def _note(resource: Resource, index: int, graph: Graph, order: dict[str, int]) -> None:
    """Note that `resource`, and with it each of its ancestors that has no part yet, is made at `index`."""
    place: Resource | None = resource
    while place is not None:
        order.setdefault(place.urn, index)
        place = graph.get(place.parent) if place.parent else None


class _Tree:
    """What every level of the tree is made from."""

    def __init__(self, graph: Graph, cost: Cost, order: Mapping[str, int]) -> None:
        self.graph, self.cost, self.order = graph, cost, order
        self.unpriced = {name for name, _ in cost.unpriced}

    def below(self, parent: str | None, last: tuple[bool, ...], count: int) -> Iterator[Row]:
        """The rows of what belongs to `parent`, of which there are `count`."""
        groups = self._grouped(self._children(parent))
        for index, group in enumerate(groups):
            child, here, many = group[0], (*last, index == len(groups) - 1), count * len(group)
            about = detail(child) if len(group) == 1 else f"{len(group)} alike, to {group[-1].name}"
            yield Row(child, here, about, self.cost.of(child.urn), self._is_unpriced(child), many)
            yield from self.below(child.urn, here, many)

    def _children(self, parent: str | None) -> list[Resource]:
        # at the top, what has parts stands before what has none
        return sorted(
            self.graph.children(parent),
            key=lambda child: (parent is None and not self.graph.children(child.urn), self.order[child.urn]),
        )

    def _grouped(self, siblings: Sequence[Resource]) -> list[list[Resource]]:
        alike: dict[Any, list[Resource]] = {}
        for child in siblings:
            key = child.urn if child.custom else (family(child.name), self._likeness(child, child.name))
            alike.setdefault(key, []).append(child)
        groups: dict[str, list[Resource]] = {}
        for group in alike.values():
            if len(group) > MOST:
                groups[group[0].urn] = sorted(group, key=lambda one: natural(one.name))
            else:
                groups |= {child.urn: [child] for child in group}
        return [groups[child.urn] for child in siblings if child.urn in groups]

    def _likeness(self, resource: Resource, stem: str) -> Any:
        """What a resource has in common with those like it: all that is shown, but for `stem` in its names."""
        parts = tuple(self._likeness(child, stem) for child in self._children(resource.urn))
        name, about = resource.name.replace(stem, "*"), detail(resource).replace(stem, "*")
        price = (self.cost.of(resource.urn), self._is_unpriced(resource))
        return resource.type, name, about, price, parts, resource.protect and resource.urn

    def _is_unpriced(self, resource: Resource) -> bool:
        return resource.custom and resource.name in self.unpriced
