"""The resources as a tree: every one once, at its place, in an order that a person can follow."""

from __future__ import annotations

from plan.cost import Cost
from plan.tree import rows
from policies.graph import Graph, Resource

NOTHING = Cost((), ())


def resource(name: str, parent: str | None = None, custom: bool = True) -> Resource:
    kind = "digitalocean:index/tag:Tag" if custom else "slipway:a:Component"
    return Resource(urn=f"urn::{name}", type=kind, name=name, parent=parent and f"urn::{parent}", custom=custom)


def drawn(*resources: Resource) -> list[str]:
    return [f"{row.rails}{row.resource.name}" for row in rows(Graph(resources), NOTHING)]


def test_parts_hang_below_what_they_belong_to() -> None:
    inner = resource("inner", "outer", custom=False)
    parts = [resource("a", "inner"), resource("b", "inner"), resource("c", "outer")]
    assert drawn(resource("outer", custom=False), inner, *parts) == [
        "outer",
        "├─ inner",
        "│  ├─ a",
        "│  └─ b",
        "└─ c",
    ]  # fmt: skip


def test_components_stand_in_the_order_in_which_their_first_parts_are_made() -> None:
    late, early = resource("late", custom=False), resource("early", custom=False)
    assert drawn(late, early, resource("first", "early"), resource("second", "late"), resource("third", "early")) == [
        "early",
        "├─ first",
        "└─ third",
        "late",
        "└─ second",
    ]  # fmt: skip


def test_what_has_no_parts_stands_last() -> None:
    assert drawn(resource("alone"), resource("whole", custom=False), resource("part", "whole"))[-1] == "alone"


def test_each_resource_is_drawn_once() -> None:
    many = [resource(f"group-{n}", custom=False) for n in range(5)]
    parts = [resource(f"part-{n}", f"group-{n % 5}") for n in range(50)]
    shown = rows(Graph([*many, *parts]), NOTHING)
    assert sorted(row.resource.name for row in shown) == sorted(item.name for item in (*many, *parts))
