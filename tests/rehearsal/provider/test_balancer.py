"""Load balancers and their certificates: what they do, refuse and replace, and what follows from droplets and tags."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.values import UNKNOWN, Properties, unmarshal

VPC = "digitalocean:index/vpc:Vpc"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
TAG = "digitalocean:index/tag:Tag"
ZONE = "digitalocean:index/domain:Domain"
PROJECT = "digitalocean:index/project:Project"
RESOURCES = "digitalocean:index/projectResources:ProjectResources"
CERTIFICATE = "digitalocean:index/certificate:Certificate"
BALANCER = "digitalocean:index/loadBalancer:LoadBalancer"

HOST: Properties = {"image": "ubuntu-24-04-x64", "size": "s-2vcpu-4gb", "region": "nyc3", "name": "web"}
HTTP = {"entryProtocol": "http", "entryPort": 80, "targetProtocol": "http", "targetPort": 80}
HTTPS = {"entryProtocol": "https", "entryPort": 443, "targetProtocol": "http", "targetPort": 80}
PASSED = {**HTTPS, "targetProtocol": "https", "targetPort": 443, "tlsPassthrough": True}
TCP = {"protocol": "tcp", "port": 80}
INPUTS: Properties = {"name": "front", "region": "nyc3", "forwardingRules": [HTTP]}


@pytest.fixture
def network(digitalocean: Any) -> str:
    identifier: str = digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.20.0.0/24", "name": "net"})[0]
    return identifier


@pytest.fixture
def certificate(digitalocean: Any) -> str:
    digitalocean.create(ZONE, {"name": "example.com"})
    inputs = {"name": "site", "type": "lets_encrypt", "domains": ["www.example.com"]}
    identifier: str = digitalocean.create(CERTIFICATE, inputs)[0]
    return identifier


def _host(digitalocean: Any, network: str, **changes: Any) -> tuple[str, Properties]:
    made: tuple[str, Properties] = digitalocean.create(DROPLET, {**HOST, "vpcUuid": network, **changes})
    return made


def _does(digitalocean: Any, balancer: str) -> Any:
    """What the cloud was told that the balancer does."""
    return digitalocean.store.read()["paper_servers"][balancer]["balancing"]


def _targets(digitalocean: Any, balancer: str) -> list[str]:
    return sorted(_does(digitalocean, balancer)["targets"])


def test_a_balancer_has_the_outputs_of_the_cloud(digitalocean: Any, network: str) -> None:
    host, _ = _host(digitalocean, network)
    identifier, outputs = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, "dropletIds": [int(host)]})
    assert outputs["loadBalancerUrn"] == f"do:loadbalancer:{identifier}"
    assert outputs["ip"]
    assert (outputs["status"], outputs["type"], outputs["sizeUnit"]) == ("active", "REGIONAL", 1)
    assert (outputs["algorithm"], outputs["httpIdleTimeoutSeconds"]) == ("round_robin", 60)
    assert outputs["healthcheck"]["checkIntervalSeconds"] == 10
    project, _ = digitalocean.create(PROJECT, {"name": "p"})
    digitalocean.create(RESOURCES, {"project": project, "resources": [outputs["loadBalancerUrn"]]})


def test_a_host_that_a_preview_makes_is_a_change_of_the_balancer(digitalocean: Any) -> None:
    """VU10: its id is not known yet."""
    before, after = ({**INPUTS, "dropletIds": hosts} for hosts in ([12, 11], [11, 12, UNKNOWN]))
    assert list(digitalocean.diff(BALANCER, before, after).diffs) == ["dropletIds"]


def test_a_preview_makes_no_balancer_and_knows_no_address(digitalocean: Any) -> None:
    _, outputs = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": UNKNOWN, "dropletIds": UNKNOWN}, preview=True)
    assert outputs["ip"] is UNKNOWN
    assert not digitalocean.store.read()["load_balancers"]


def test_a_balancer_does_what_its_inputs_say(digitalocean: Any, network: str, certificate: str) -> None:
    inputs = {
        **INPUTS,
        "vpcUuid": network,
        "forwardingRules": [HTTP, {**HTTPS, "certificateName": certificate}],
        "redirectHttpToHttps": True,
        "enableProxyProtocol": True,
        "enableBackendKeepalive": True,
        "httpIdleTimeoutSeconds": 300,
        "healthcheck": {"protocol": "http", "port": 80, "path": "/health", "unhealthyThreshold": 2},
        "stickySessions": {"type": "cookies", "cookieName": "seen", "cookieTtlSeconds": 60},
        "firewall": {"allows": ["ip:203.0.113.7"], "denies": ["cidr:198.51.100.0/24"]},
    }
    does = _does(digitalocean, digitalocean.create(BALANCER, inputs)[0])
    assert [item["certificate"] for item in does["forwardings"]] == [None, "site"]
    assert does["check"] == {
        "protocol": "http",
        "port": 80,
        "path": "/health",
        "interval": 10,
        "timeout": 5,
        "failures_out": 2,
        "successes_in": 5,
    }
    assert (does["redirect"], does["proxy_protocol"], does["keepalive"], does["idle_seconds"]) == (
        True,
        True,
        True,
        300,
    )
    assert (does["cookie"], does["cookie_seconds"]) == ("seen", 60)
    assert (does["allow"], does["deny"]) == (["203.0.113.7"], ["198.51.100.0/24"])


def test_a_balancer_by_tag_follows_the_droplets_that_have_it(digitalocean: Any, network: str) -> None:
    digitalocean.create(TAG, {"name": "web"})
    balancer, state = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, "dropletTag": "web"})
    assert _targets(digitalocean, balancer) == []
    host, made = _host(digitalocean, network, tags=["web"])
    other, _ = _host(digitalocean, network, name="other")
    assert _targets(digitalocean, balancer) == [f"droplet-{host}"]
    digitalocean.update(DROPLET, other, {}, {**HOST, "name": "other", "vpcUuid": network, "tags": ["web"]})
    assert _targets(digitalocean, balancer) == sorted([f"droplet-{host}", f"droplet-{other}"])
    digitalocean.delete(DROPLET, host, made)
    assert _targets(digitalocean, balancer) == [f"droplet-{other}"]
    assert unmarshal(digitalocean.read(BALANCER, balancer, state).properties)["dropletIds"] == [int(other)]
    digitalocean.delete(TAG, "web", {})
    assert _targets(digitalocean, balancer) == []


def test_a_droplet_of_another_network_is_no_target(digitalocean: Any, network: str) -> None:
    digitalocean.create(TAG, {"name": "web"})
    elsewhere, _ = digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.21.0.0/24", "name": "elsewhere"})
    _host(digitalocean, elsewhere, tags=["web"])
    balancer, _ = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, "dropletTag": "web"})
    assert _targets(digitalocean, balancer) == []


def test_hosts_enter_and_leave_a_balancer_in_place(digitalocean: Any, network: str) -> None:
    hosts = [_host(digitalocean, network, name=name)[0] for name in ("one", "two")]
    inputs = {**INPUTS, "vpcUuid": network, "dropletIds": [int(hosts[0])]}
    balancer, state = digitalocean.create(BALANCER, inputs)
    changed = digitalocean.update(BALANCER, balancer, state, {**inputs, "dropletIds": [int(host) for host in hosts]})
    assert changed["ip"] == state["ip"]
    assert _targets(digitalocean, balancer) == sorted(f"droplet-{host}" for host in hosts)
    by_tag = {key: value for key, value in inputs.items() if key != "dropletIds"}
    digitalocean.create(TAG, {"name": "web"})
    digitalocean.update(BALANCER, balancer, changed, {**by_tag, "dropletTag": "web"})
    assert _targets(digitalocean, balancer) == []


def test_a_host_that_was_destroyed_has_left_its_balancer(digitalocean: Any, network: str) -> None:
    host, made = _host(digitalocean, network)
    inputs = {**INPUTS, "vpcUuid": network, "dropletIds": [int(host)]}
    balancer, state = digitalocean.create(BALANCER, inputs)
    digitalocean.delete(DROPLET, host, made)
    assert _targets(digitalocean, balancer) == []
    answer = digitalocean.read(BALANCER, balancer, state, inputs)
    assert unmarshal(answer.inputs)["dropletIds"] == []


def test_a_firewall_lets_in_a_balancer_over_the_network(digitalocean: Any, network: str) -> None:
    host, _ = _host(digitalocean, network)
    balancer, state = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, "dropletIds": [int(host)]})
    rule = {"protocol": "tcp", "portRange": "80", "sourceLoadBalancerUids": [balancer]}
    digitalocean.create(FIREWALL, {"name": "fw", "inboundRules": [rule], "dropletIds": [int(host)]})
    row = digitalocean.store.read()["load_balancers"][balancer]
    inbound = digitalocean.store.read()["paper_hosts"][host]["inbound"]
    assert inbound[0]["others"] == sorted([f"{row['ip']}/32", f"{row['privateAddress']}/32"])
    digitalocean.delete(BALANCER, balancer, state)
    assert digitalocean.store.read()["paper_hosts"][host]["inbound"] == []


def test_a_firewall_forgets_the_droplets_that_are_gone(digitalocean: Any, network: str) -> None:
    digitalocean.create(TAG, {"name": "db"})
    rule = {"protocol": "tcp", "portRange": "5432", "sourceTags": ["web"]}
    digitalocean.create(FIREWALL, {"inboundRules": [rule], "tags": ["db"], "name": "fw"})
    host, _ = _host(digitalocean, network, name="db", tags=["db"])
    web, made = _host(digitalocean, network, tags=["web"])

    def let_in() -> Any:
        return digitalocean.store.read()["paper_hosts"][host]["inbound"]

    assert f"{made['ipv4AddressPrivate']}/32" in let_in()[0]["others"]
    digitalocean.delete(DROPLET, web, made)
    assert let_in() == []


def test_a_balancer_that_is_gone_is_read_as_gone(digitalocean: Any, network: str) -> None:
    balancer, state = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network})
    assert digitalocean.read(BALANCER, balancer, state).id == balancer
    with digitalocean.store.transaction() as account:
        account["paper_servers"].clear()
    assert not digitalocean.read(BALANCER, balancer, state).id


def test_a_network_with_a_balancer_stays(digitalocean: Any, network: str) -> None:
    balancer, state = digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network})
    with pytest.raises(Exception, match="409 Can not delete VPC with members"):
        digitalocean.delete(VPC, network, {})
    digitalocean.delete(BALANCER, balancer, state)
    digitalocean.delete(VPC, network, {})


def test_the_names_of_a_certificate_lead_to_its_balancer_unless_told_otherwise(
    digitalocean: Any, network: str, certificate: str
) -> None:
    inputs = {**INPUTS, "vpcUuid": network, "forwardingRules": [{**HTTPS, "certificateName": certificate}]}
    balancer, state = digitalocean.create(BALANCER, inputs)
    assert f"www.example.com A {state['ip']}" in digitalocean.store.read()["paper_names"]
    digitalocean.update(BALANCER, balancer, state, {**inputs, "disableLetsEncryptDnsRecords": True})
    assert not digitalocean.store.read()["paper_names"]


REPLACING = {"region": "ams3", "vpcUuid": "v", "type": "GLOBAL", "network": "INTERNAL"}
IN_PLACE: Properties = {
    "name": "other",
    "sizeUnit": 2,
    "dropletTag": "web",
    "forwardingRules": [PASSED],
    "healthcheck": {"protocol": "tcp", "port": 22},
}


@pytest.mark.parametrize("name", [*REPLACING, *IN_PLACE])
def test_a_balancers_change_replaces_or_not_as_with_the_real_provider(digitalocean: Any, name: str) -> None:
    """facts: region, VPC, type and network replace."""
    answer = digitalocean.diff(BALANCER, INPUTS, {**INPUTS, name: {**REPLACING, **IN_PLACE}[name]})
    assert list(answer.diffs) == [name]
    assert list(answer.replaces) == ([name] if name in REPLACING else [])
