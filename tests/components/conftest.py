"""A recorder: runs a small program in process and hands over what it declared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plan.program import run
from policies.graph import Graph, Resource

Record = Callable[[Callable[[], object]], "Recorded"]


class Recorded:
    """What a program declared. A duplicate (type, name) has failed before this is made."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def one(self, kind: str, name: str | None = None) -> Resource:
        """The one resource, no component, of this kind (its type's last part), by its name where there are more."""
        found = [each for each in self.graph if each.custom and each.kind == kind and name in (None, each.name)]
        assert len(found) == 1, f"{kind} {name or ''}: {[each.name for each in self.graph]}"
        return found[0]

    def all(self, kind: str) -> list[Resource]:
        """Every resource of this kind; no component."""
        return [each for each in self.graph if each.custom and each.kind == kind]


@pytest.fixture
def record() -> Record:
    """Runs a program and gives what it recorded."""

    def recorded(program: Callable[[], object]) -> Recorded:
        def declare() -> None:
            program()

        return Recorded(run(declare, "test", {}, frozenset()).graph)

    return recorded
