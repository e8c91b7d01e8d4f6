"""What `pulumi destroy --exclude-protected` leaves: what is protected, and what that needs (ALL1, ALL4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from plan.build import make_plan

ROOT = Path(__file__).parents[2]
SERVES = frozenset(
    {"Droplet", "App", "LoadBalancer", "VolumeAttachment", "ReservedIpAssignment", "Command", "Certificate"}
)
"""What runs, costs, or has to be there for it."""


@pytest.mark.parametrize("file", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda file: file.stem)
def test_nothing_that_is_protected_needs_what_serves(file: Path) -> None:
    """Else the hosts would stay with it."""
    graph = {one.urn: one for one in make_plan(file.stem.partition(".")[2]).graph}
    waiting = [urn for urn, one in graph.items() if one.protect]
    assert waiting
    needed: set[str] = set()
    while waiting:
        one = graph[urn := waiting.pop()]
        if urn not in needed:
            needed.add(urn)
            also = [each for given in one.property_dependencies.values() for each in given]
            waiting += [each for each in (*one.dependencies, *also, one.parent) if each in graph]
    assert sorted(graph[urn].name for urn in needed if graph[urn].custom and graph[urn].kind in SERVES) == []
