"""The resources as a tree: every one once, at its place, in an order that a person can follow."""

from __future__ import annotations

import dataclasses

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


def host(number: int, **part: bool) -> list[Resource]:
    """A component with a part, both named after its number."""
    inside = dataclasses.replace(resource(f"host-{number}-part", f"host-{number}"), **part)  # type: ignore[arg-type]
    return [resource(f"host-{number}", custom=False), inside]


def numbered(*hosts: list[Resource]) -> list[tuple[str, int, str]]:
    graph = Graph(item for host in hosts for item in host)
    return [(row.resource.name, row.count, row.detail) for row in rows(graph, NOTHING)]


def test_of_many_components_that_are_alike_the_first_stands_for_all() -> None:
    assert numbered(*(host(number) for number in range(1, 12))) == [
        ("host-1", 11, "11 alike, to host-11"),
        ("host-1-part", 11, ""),
    ]


def test_a_few_that_are_alike_are_all_drawn() -> None:
    assert [name for name, _, _ in numbered(*(host(number) for number in range(4)))][::2] == [
        f"host-{number}" for number in range(4)
    ]


def test_what_differs_by_more_than_its_number_is_not_counted_together() -> None:
    def data(number: int) -> list[Resource]:
        return [resource(f"data-{number}", custom=False), resource(f"data-{number}-part", f"data-{number}")]

    shown = numbered(*(host(number) for number in range(3)), *(data(number) for number in range(3)))
    assert [count for _, count, _ in shown] == [1] * 12


def test_what_is_protected_is_always_drawn_by_its_name() -> None:
    shown = numbered(*(host(number, protect=True) for number in range(9)))
    assert [count for _, count, _ in shown] == [1] * 18


def test_one_that_differs_is_drawn_by_itself() -> None:
    other = [*host(3), resource("host-3-more", "host-3")]
    shown = numbered(*(host(number) for number in (1, 2)), other, *(host(number) for number in range(4, 9)))
    assert [(name, count) for name, count, _ in shown if not name.endswith("part")] == [
        ("host-1", 7),
        ("host-3", 1),
        ("host-3-more", 1),
    ]


def test_each_resource_is_drawn_once() -> None:
    many = [resource(f"group-{n}", custom=False) for n in range(5)]
    parts = [resource(f"part-{n}", f"group-{n % 5}") for n in range(50)]  # so that no group is like another
    shown = rows(Graph([*many, *parts]), NOTHING)
    assert sorted(row.resource.name for row in shown) == sorted(item.name for item in (*many, *parts))
