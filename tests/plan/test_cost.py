"""What a stack costs: by the table, and never nothing where the table is silent."""

from __future__ import annotations

from typing import Any

import pytest

from plan.cost import Cost, cost_of, together
from policies.graph import Graph, Resource


def resource(kind: str, name: str = "it", dependencies: tuple[str, ...] = (), **inputs: Any) -> Resource:
    full = f"digitalocean:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Resource(urn=f"urn::{name}", type=full, name=name, inputs=inputs, dependencies=dependencies)


def cost(*resources: Resource) -> Cost:
    return cost_of(Graph(resources))


@pytest.mark.parametrize(
    ("thing", "monthly"),
    [
        (resource("Droplet", size="s-2vcpu-4gb"), 24.0),
        (resource("Droplet", size="s-2vcpu-4gb", backups=True), 28.8),
        (resource("Droplet", size="s-2vcpu-4gb", backups=True, backupPolicy={"plan": "daily"}), 31.2),
        (resource("Droplet", size="s-2vcpu-4gb", backups=False, backupPolicy={"plan": "daily"}), 24.0),
        (resource("Volume", size=100), 10.0),
        (resource("SpacesBucket"), 5.0),
        (resource("UptimeCheck"), 1.0),
        (resource("LoadBalancer"), 12.0),
        (resource("LoadBalancer", sizeUnit=3), 36.0),
        (resource("LoadBalancer", type="REGIONAL_NETWORK"), 15.0),
        (resource("LoadBalancer", type="GLOBAL"), 15.0),
        (resource("DatabaseCluster", engine="pg", size="db-s-1vcpu-1gb", nodeCount=1), 15.15),
        (resource("DatabaseCluster", engine="pg", size="db-s-2vcpu-4gb", nodeCount=2), 121.8),
        (resource("DatabaseCluster", engine="valkey", size="db-s-1vcpu-2gb", nodeCount=1), 30.0),
        (resource("KubernetesCluster", ha=True, nodePool={"size": "s-2vcpu-4gb", "nodeCount": 2}), 88.0),
        (resource("KubernetesNodePool", size="s-4vcpu-8gb", nodeCount=3), 144.0),
        (resource("DnsRecord"), 0.0),
        (resource("Firewall"), 0.0),
        (resource("UptimeAlert"), 0.0),
    ],
    ids=lambda value: f"{value.kind} {dict(value.inputs)}" if isinstance(value, Resource) else str(value),
)
def test_a_month_costs_what_the_table_says(thing: Resource, monthly: float) -> None:
    found = cost(thing)
    assert found.monthly == monthly
    assert found.of(thing.urn) == monthly
    assert found.unpriced == ()


def test_an_app_costs_its_instances_and_nothing_for_its_jobs() -> None:
    """SF10"""
    spec = {
        "services": [{"name": "web", "instanceSizeSlug": "apps-s-1vcpu-1gb", "instanceCount": 2}],
        "workers": [{"name": "work", "instanceSizeSlug": "apps-s-1vcpu-0.5gb"}],
        "jobs": [{"name": "migrate", "instanceSizeSlug": "apps-s-1vcpu-0.5gb", "kind": "PRE_DEPLOY"}],
    }
    assert cost(resource("App", spec=spec)).monthly == 29.0


def test_a_reserved_address_costs_only_while_no_droplet_has_it() -> None:
    address = resource("ReservedIp", "address")
    assignment = resource("ReservedIpAssignment", "assignment", dependencies=(address.urn,))
    assert cost(address).monthly == 5.0
    assert cost(address, assignment).monthly == 0.0


def test_all_buckets_of_an_account_cost_once() -> None:
    assert cost(resource("SpacesBucket", "a"), resource("SpacesBucket", "b")).monthly == 5.0


def test_a_read_replica_costs_as_much_as_its_size() -> None:
    cluster = resource("DatabaseCluster", "main", engine="pg", size="db-s-1vcpu-2gb", nodeCount=1)
    replica = resource("DatabaseReplica", "replica", dependencies=(cluster.urn,))
    assert cost(cluster, replica).of(replica.urn) == 30.45


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (resource("Droplet", size="gpu-h100"), "the droplet size gpu-h100 is not in the price table"),
        (resource("DatabaseCluster", engine="kafka", size="x"), "the database engine kafka is not in the price table"),
        (resource("DatabaseCluster", engine="pg", size="huge"), "the pg size huge is not in the price table"),
        (resource("GenaiAgent"), "digitalocean:index/genaiAgent:GenaiAgent is not in the price table"),
        (resource("Droplet", size="c-2", backups=True, backupPolicy={"plan": "hourly"}),
         "the backup plan hourly is not in the price table"),
    ],
    ids=["droplet size", "engine", "database size", "type", "backup plan"],
)  # fmt: skip
def test_what_the_table_does_not_know_is_said_to_have_no_price(thing: Resource, reason: str) -> None:
    found = cost(thing)
    assert found.unpriced == (("it", reason),)
    assert found.lines == ()


def test_what_is_no_clouds_costs_nothing_and_needs_no_price() -> None:
    made = Resource(urn="urn::p", type="random:index/randomPassword:RandomPassword", name="p")
    component = Resource(urn="urn::c", type="slipway:network:Network", name="c", custom=False)
    assert cost(made, component) == Cost((), ())


def test_the_dearest_comes_first_with_all_that_it_costs() -> None:
    found = cost(
        resource("UptimeCheck", "a"),
        resource("SpacesBucket", "b"),
        resource("Droplet", "c", size="s-2vcpu-4gb", backups=True),
    )
    assert [line.name for line in found.lines] == ["c", "c", "b", "a"]


def test_for_people_many_that_cost_the_same_are_one_line_and_the_sum_stays() -> None:
    machines = [resource("Droplet", f"web-{number}-droplet", size="s-2vcpu-4gb") for number in range(1, 11)]
    whole = cost(resource("LoadBalancer", "balancer"), *machines)
    lines = together(whole.lines)
    assert [(line.name, line.what, line.monthly) for line in lines] == [
        ("web-1-droplet", "10 × droplet s-2vcpu-4gb, to web-10-droplet", 240.0),
        ("balancer", "load balancer, 1 node", 12.0),
    ]
    assert len(whole.lines) == 11


def test_for_people_a_few_that_cost_the_same_are_a_line_each() -> None:
    lines = cost(*(resource("Droplet", f"web-{number}", size="s-2vcpu-4gb", backups=True) for number in range(4))).lines
    assert together(lines) == list(lines)
