"""The architecture `fleet-compose` behind HAProxy, as Devora's stack file asks for it, declared in process (DV6)."""

from __future__ import annotations

import itertools
import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import Run
from policies.graph import Resource
from settings.droplets import SIZES
from tests.architectures.declared import Change, after, declared, inputs, named

SECRETS = frozenset({"REGISTRY_TOKEN"})
NAME = "devora-fleet"
SETUP = [f"{NAME}-balancer-host-{step}" for step in ("bootstrap", "apply", "firewall-confirm")]


def _declared(change: Change = lambda values: None) -> Run:
    return declared(NAME, SECRETS, change)


def _hosts(count: int) -> Change:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["hosts"] = count

    return change


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


def _manifest(result: Run) -> dict[str, Any]:
    manifest = named(result, SETUP[1]).manifest
    assert manifest is not None
    return dict(manifest)


def _config(result: Run) -> str:
    (text,) = [file["content"] for file in _manifest(result)["files"] if file["path"] == "/etc/haproxy/haproxy.cfg"]
    return str(text)


def _inbound(firewall: Resource) -> set[tuple[str, ...]]:
    """What a firewall lets in but ping: ports and from where."""
    return {
        (str(rule["portRange"]), *(rule.get("sourceAddresses") or rule.get("sourceTags") or ()))
        for rule in firewall.blocks("inboundRules")
        if rule["protocol"] == "tcp"
    }


def test_there_is_no_balancer_of_the_clouds_own(whole: Run) -> None:
    kinds = {resource.kind for resource in whole.graph if resource.custom}
    assert {"LoadBalancer", "Certificate"} & kinds == set()


def test_names_lead_to_an_address_that_outlives_the_balancer(whole: Run) -> None:
    """ALL4."""
    assert named(whole, f"{NAME}-balancer-address").protect
    assigned = named(whole, f"{NAME}-balancer-address-assignment")
    records = whole.graph.of("digitalocean:index/dnsRecord:DnsRecord")
    assert {record.inputs["value"] for record in records} == {whole.outputs.values["address"]}
    assert len(records) == 2
    assert all(after(whole, record, assigned) for record in records)


def test_the_balancer_is_set_up_once_its_names_lead_to_it_and_its_hosts_serve(whole: Run) -> None:
    """Its certificate's authority looks the names up. A host enters after its release."""
    released = named(whole, f"{NAME}-fleet-release")
    records = whole.graph.of("digitalocean:index/dnsRecord:DnsRecord")
    steps = [named(whole, step) for step in SETUP]
    for step in steps:
        assert all(after(whole, step, record) for record in records)
        assert after(whole, step, released)
        assert not after(whole, released, step)
    for earlier, later in itertools.pairwise(steps):
        assert after(whole, later, earlier)


def test_only_the_balancer_reaches_the_hosts_and_everybody_the_balancer(whole: Run) -> None:
    """DV6: by tag, so that no host has to be there before the firewall."""
    balancer, droplet = f"{NAME}-balancer", named(whole, f"{NAME}-balancer-droplet")
    assert balancer in droplet.inputs["tags"]
    assert _inbound(named(whole, f"{NAME}-web-firewall-rules")) == {("80", balancer)}
    shield = named(whole, f"{NAME}-balancer-firewall-rules")
    assert shield.inputs["tags"] == [balancer]
    anywhere = ("0.0.0.0/0", "::/0")
    assert _inbound(shield) == {("22", "203.0.113.7/32"), ("80", *anywhere), ("443", *anywhere)}
    assert after(whole, droplet, shield), "never on the internet without it"


def test_databases_do_not_trust_the_balancer(whole: Run) -> None:
    (trusted,) = named(whole, f"{NAME}-documents-trusted-sources").inputs["rules"]
    assert trusted["value"] in named(whole, f"{NAME}-1-droplet").inputs["tags"]
    assert trusted["value"] not in named(whole, f"{NAME}-balancer-droplet").inputs["tags"]


def test_somebody_hears_of_trouble_on_the_balancer_too(whole: Run) -> None:
    tags = {tuple(alert.inputs["tags"]) for alert in whole.graph.of("digitalocean:index/monitorAlert:MonitorAlert")}
    assert tags == {(f"{NAME}-host", f"{NAME}-balancer")}


def test_the_balancer_leads_to_each_host_by_its_private_address(whole: Run) -> None:
    servers = dict(line.split()[1:3] for line in _config(whole).splitlines() if f" server {NAME}-" in line)
    assert set(servers) == {f"{NAME}-1", f"{NAME}-2"}
    assert len(set(servers.values())) == 2
    network = ip_network(named(whole, f"{NAME}-vpc").inputs["ipRange"])
    for host, port in (server.split(":") for server in servers.values()):
        assert (ip_address(host) in network, port) == (True, "80")


def test_the_balancer_knows_no_secret_of_the_product(whole: Run) -> None:
    """ALL3: nor what the product runs as."""
    text = json.dumps(_manifest(whole))
    assert "‹" not in text
    assert "docker" not in text


def test_it_is_obtained_a_certificate_for_every_name(whole: Run) -> None:
    wanted = _manifest(whole)["certificate"]
    assert (wanted["domains"], wanted["served_by"]) == (["devora.ai", "www.devora.ai"], "haproxy")


def test_names_may_be_kept_anywhere() -> None:
    """Its certificate needs no name servers of the cloud's own."""

    def change(values: dict[str, Any]) -> None:
        values["dns"] = {"provider": "print"}

    result = _declared(change)
    address = result.outputs.values["address"]
    assert result.outputs.values["dns_records"] == [
        f"{name}. 300 IN A {address}" for name in ("devora.ai", "www.devora.ai")
    ]


def test_the_outputs_lead_to_the_balancer_as_to_the_hosts(whole: Run) -> None:
    values = whole.outputs.values
    assert set(values["hosts"]) == {f"{NAME}-1", f"{NAME}-2", f"{NAME}-balancer"}
    assert values["hosts"][f"{NAME}-balancer"] == values["address"]
    keys = dict(line.split(" ", 1) for line in values["known_hosts"].splitlines())
    assert set(keys) == set(values["hosts"].values())
    assert len(set(keys.values())) == 3
    assert not {"address", "hosts", "known_hosts"} & whole.outputs.secrets


def test_a_managed_replica_set_has_three_nodes_and_what_has_no_price_is_named() -> None:
    """DV6."""

    def change(values: dict[str, Any]) -> None:
        values["product"]["backing"]["documents"] |= {"size": "db-s-1vcpu-2gb", "members": 3}

    run = _declared(change)
    (cluster,) = run.graph.of("digitalocean:index/databaseCluster:DatabaseCluster")
    assert (cluster.inputs["size"], cluster.inputs["nodeCount"]) == ("db-s-1vcpu-2gb", 3)
    cost = cost_of(run.graph)
    assert [name for name, _ in cost.unpriced] == [cluster.name]
    assert str(run.outputs.values["monthly_cost"]).startswith(f"{cost.monthly:.2f} USD without documents, by")


def test_the_balancer_costs_what_its_droplet_does(whole: Run) -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"] |= {"balancer": {"provider": "haproxy", "size": "s-2vcpu-4gb"}, "backups": "daily"}

    larger = _declared(change)
    assert named(larger, f"{NAME}-balancer-droplet").inputs["size"] == "s-2vcpu-4gb"
    assert not named(larger, f"{NAME}-balancer-droplet").inputs["backups"], "it keeps nothing"
    for result in (whole, larger):
        assert str(result.outputs.values["monthly_cost"]).startswith(f"{cost_of(result.graph).monthly:.2f} USD")
    hosts = 2 * SIZES["s-4vcpu-8gb"].price * 0.3
    more = SIZES["s-2vcpu-4gb"].price - SIZES["s-1vcpu-2gb"].price + hosts
    assert cost_of(larger.graph).monthly - cost_of(whole.graph).monthly == pytest.approx(more)


def test_a_larger_droplet_takes_more_visitors(whole: Run) -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["balancer"]["size"] = "s-1vcpu-1gb"

    assert "    maxconn 16384\n" in _config(whole)
    assert "    maxconn 8192\n" in _config(_declared(change))


def test_a_third_host_changes_nothing_that_stays_but_the_way_to_it(whole: Run) -> None:
    """VU10."""
    before, following = inputs(whole), inputs(_declared(_hosts(3)))
    assert {name for name in following.keys() - before.keys() if not name.startswith(f"{NAME}-3-")} == set()
    assert {name for name in before if before[name] != following[name]} == {
        f"{NAME}-fleet-release",
        f"{NAME}-balancer-host-apply",
        f"{NAME}-project-resources",
    }
    assert before.keys() <= following.keys()
