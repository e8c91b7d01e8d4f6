"""What the cloud refuses of a load balancer; the package's text says which wordings are its own."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.values import Properties

VPC = "digitalocean:index/vpc:Vpc"
ZONE = "digitalocean:index/domain:Domain"
CERTIFICATE = "digitalocean:index/certificate:Certificate"
BALANCER = "digitalocean:index/loadBalancer:LoadBalancer"

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


REFUSED: list[tuple[str, Properties]] = [
    ("missing 'region' value", {"region": None}),
    ("region is invalid", {"region": "mars1"}),
    ("VPC must exist", {"region": "ams3"}),
    ("droplet_ids\": conflicts with droplet_tag", {"dropletIds": [1], "dropletTag": "web"}),
    ("failed to find droplet 5", {"dropletIds": [5]}),
    ("at most 10 droplets by id", {"dropletIds": list(range(11))}),
    ("tag nobody does not exist", {"dropletTag": "nobody"}),
    ("tags may contain", {"dropletTag": "two words"}),
    ("at least one forwarding rule", {"forwardingRules": []}),
    (r"entryPort to be in the range \(1 - 65535\), got 70000", {"forwardingRules": [{**HTTP, "entryPort": 70000}]}),
    ("expected targetProtocol to be one of", {"forwardingRules": [{**HTTP, "targetProtocol": "smtp"}]}),
    ('"targetPort" is required', {"forwardingRules": [{**PASSED, "targetPort": None}]}),
    ("entry port 80 is used by more than one", {"forwardingRules": [HTTP, {**HTTP, "targetPort": 81}]}),
    ("https needs a certificate or tls_passthrough", {"forwardingRules": [HTTPS]}),
    ("http can't have a certificate", {"forwardingRules": [{**HTTP, "certificateName": "site"}]}),
    ("tls_passthrough needs https on both sides", {"forwardingRules": [{**PASSED, "targetProtocol": "http"}]}),
    ("can't forward tcp to http", {"forwardingRules": [{**HTTP, "entryProtocol": "tcp"}]}),
    ("certificate not found", {"forwardingRules": [{**HTTPS, "certificateName": "nobodys"}]}),
    ("forwards no udp yet", {"forwardingRules": [{**HTTP, "entryProtocol": "udp", "targetProtocol": "udp"}]}),
    ("redirect_http_to_https needs a rule that takes https", {"redirectHttpToHttps": True}),
    ("`path` is required", {"healthcheck": {"protocol": "http", "port": 80}}),
    ("`path` is not allowed", {"healthcheck": {**TCP, "path": "/"}}),
    ("no spaces", {"healthcheck": {"protocol": "http", "port": 80, "path": "/a b"}}),
    (r"checkIntervalSeconds to be in the range \(3 - 300\)", {"healthcheck": {**TCP, "checkIntervalSeconds": 2}}),
    (r"unhealthyThreshold to be in the range \(2 - 10\)", {"healthcheck": {**TCP, "unhealthyThreshold": 1}}),
    ("`cookie_name` is required", {"stickySessions": {"type": "cookies", "cookieTtlSeconds": 5}}),
    ("`cookie_ttl_seconds` is not allowed", {"stickySessions": {"type": "none", "cookieTtlSeconds": 5}}),
    (r"sizeUnit to be in the range \(1 - 200\)", {"sizeUnit": 0}),
    ("at most 100 nodes", {"sizeUnit": 150}),
    ("expected size to be one of", {"size": "lb-huge"}),
    ("http_idle_timeout_seconds must be 30 to 600", {"httpIdleTimeoutSeconds": 3600}),
    ("neither ip:<address> nor cidr:<range>", {"firewall": {"allows": ["203.0.113.7"]}}),
    ("no load balancer of type GLOBAL yet", {"type": "GLOBAL"}),
    ("no load balancer of network INTERNAL yet", {"network": "INTERNAL"}),
    ("project none does not exist", {"projectId": "none"}),
    ("name may only contain", {"name": "my front"}),
]  # fmt: skip


@pytest.mark.parametrize(("wording", "changes"), REFUSED, ids=[wording for wording, _ in REFUSED])
def test_it_refuses_a_balancer_that_the_cloud_refuses(
    digitalocean: Any, network: str, certificate: str, wording: str, changes: Properties
) -> None:
    with pytest.raises(Exception, match=wording):
        digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, **changes})
    assert not digitalocean.store.read()["load_balancers"]


def test_a_balancers_name_is_its_own(digitalocean: Any, network: str) -> None:
    digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network})
    with pytest.raises(Exception, match="load balancer name must be unique"):
        digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network})


@pytest.mark.parametrize("changes", [{"forwardingRules": [PASSED]}, {"sizeUnit": 100}, {"size": "lb-large"}], ids=str)
def test_it_takes_what_the_cloud_takes(digitalocean: Any, network: str, changes: Properties) -> None:
    assert digitalocean.create(BALANCER, {**INPUTS, "vpcUuid": network, **changes})[0]
