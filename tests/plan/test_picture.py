"""The picture of the system is a Mermaid flow chart that shows all of it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from plan.build import Plan, make_plan
from plan.picture import picture
from tests.plan import stack_files

ROOT = Path(__file__).parents[2]
ARROW = re.compile(r'\s*(?:-->|--->|-\.->|-- "[^"]*" -->|-\. \w+ \.->)\s*')
NODE = re.compile(r'(?P<id>\w+)(?:\(\[|\[\(|\[\[|\[|\{\{)"(?P<label>[^"]*)"(?:\]\)|\)\]|\]\]|\]|\}\})')


def drawn(folder: Path, *edits: tuple[str, str]) -> tuple[Plan, str]:
    """The plan of FamilyFlow with edits of its stack file, and its picture."""
    content = (ROOT / "Pulumi.familyflow.yaml").read_text()
    for old, new in edits:
        assert old in content
        content = content.replace(old, new)
    (folder / "Pulumi.familyflow.yaml").write_text(content)
    plan = make_plan("familyflow", folder)
    return plan, picture(plan.settings, plan.graph)


def nodes_and_edges(chart: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Labels by node, and edges. Fails on a line that is neither, and where a subgraph does not end."""
    nodes: dict[str, str] = {}
    edges: set[tuple[str, str]] = set()
    depth = 0
    head, *lines = chart.splitlines()
    assert head == "flowchart TB"
    for line in map(str.strip, lines):
        if line == "end":
            depth -= 1
        elif subgraph := re.fullmatch(r'subgraph (\w+)\["([^"]*)"\]', line):
            depth += 1
            nodes[subgraph[1]] = subgraph[2]
        elif node := NODE.fullmatch(line):
            assert node["id"] not in nodes
            nodes[node["id"]] = node["label"]
        else:
            way = ARROW.split(line)
            assert len(way) > 1, line
            edges |= set(itertools.pairwise(way))
    assert depth == 0
    return nodes, edges


def test_every_service_and_backing_service_is_in_the_picture(tmp_path: Path) -> None:
    plan, chart = drawn(tmp_path)
    nodes, edges = nodes_and_edges(chart)
    product = plan.settings.product
    for name in product.services:
        assert f"service_{name}" in nodes
    for name in product.backing:
        assert ("services", f"backing_{name}") in edges
    assert {node for edge in edges for node in edge} <= set(nodes)


def test_a_request_goes_from_people_through_the_firewall_to_what_its_path_is_routed_to(tmp_path: Path) -> None:
    _, chart = drawn(tmp_path)
    _, edges = nodes_and_edges(chart)
    way = ["people", "dns", "address", "firewall", "nginx", "service_api"]
    assert set(itertools.pairwise(way)) <= edges
    assert ("nginx", "service_frontend") in edges
    assert ("admins", "firewall") in edges


@pytest.mark.parametrize(
    ("old", "new", "is_there", "is_not"),
    [
        ("size: s-2vcpu-4gb}", "size: s-2vcpu-4gb, reserved_address: false}", "firewall", "address"),
        ("email: [ops@example.com]", "email: []", "uptime", "operators"),
    ],
    ids=["no reserved address", "nobody hears of trouble"],
)
def test_what_a_stack_does_not_have_is_not_drawn(
    tmp_path: Path, old: str, new: str, is_there: str, is_not: str
) -> None:
    nodes, _ = nodes_and_edges(drawn(tmp_path, (old, new))[1])
    assert is_there in nodes
    assert is_not not in nodes


def fleet(folder: Path, stack: str, change: stack_files.Change) -> tuple[dict[str, str], set[tuple[str, str]]]:
    plan = stack_files.planned(folder, stack, change)
    return nodes_and_edges(picture(plan.settings, plan.graph))


def test_a_fleet_is_drawn_with_its_balancer_and_its_databases_and_the_inside_of_its_hosts_once(tmp_path: Path) -> None:
    nodes, edges = fleet(tmp_path, "prod", stack_files.hosts(6))
    way = ["people", "dns", "balancer", "firewall", "nginx", "service_backend"]
    assert set(itertools.pairwise(way)) <= edges
    assert nodes["host"] == "6 droplets, vulcan-prod-1 to vulcan-prod-6, s-2vcpu-4gb in nyc3"
    assert nodes["backing_database"] == "database<br/>managed postgres<br/>DATABASE_URL"
    assert ("services", "backing_database") in edges
    assert ("services", "backing_cache") in edges
    assert not [node for node in nodes if node.startswith("data_")]


def test_hosts_of_data_are_drawn_apart_from_those_of_the_product(tmp_path: Path) -> None:
    nodes, edges = fleet(tmp_path, "devora-fleet", stack_files.with_data_hosts)
    assert [label for node, label in nodes.items() if node.startswith("data_")] == [
        f"droplet devora-fleet-data-{number}, s-2vcpu-4gb in nyc3" for number in (1, 2, 3)
    ]
    assert nodes["host"].startswith("droplets devora-fleet-1, devora-fleet-2, ")
    assert ("services", "backing_documents") in edges
    members = {"member_2_documents", "member_3_documents"}
    assert {end for start, end in edges if start == "backing_documents"} == members <= set(nodes)


def test_a_service_may_have_a_name_that_mermaid_keeps_for_itself(tmp_path: Path) -> None:
    edits = (("      beat:\n", "      end:\n"),)
    nodes, _ = nodes_and_edges(drawn(tmp_path, *edits)[1])
    assert nodes["service_end"] == "end<br/>scheduler"
