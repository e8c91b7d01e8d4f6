"""Certificates for balancers: for whom they are, what replaces them, and when they may go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.managed import authority
from rehearsal.provider.values import Secret

VPC = "digitalocean:index/vpc:Vpc"
ZONE = "digitalocean:index/domain:Domain"
CERTIFICATE = "digitalocean:index/certificate:Certificate"
BALANCER = "digitalocean:index/loadBalancer:LoadBalancer"

HTTP = {"entryProtocol": "http", "entryPort": 80, "targetProtocol": "http", "targetPort": 80}
HTTPS = {"entryProtocol": "https", "entryPort": 443, "targetProtocol": "http", "targetPort": 80}


@pytest.fixture
def certificate(digitalocean: Any) -> str:
    digitalocean.create(ZONE, {"name": "example.com"})
    inputs = {"name": "site", "type": "lets_encrypt", "domains": ["www.example.com"]}
    identifier: str = digitalocean.create(CERTIFICATE, inputs)[0]
    return identifier


@pytest.mark.parametrize("name", ["domains", "name", "type"])
def test_everything_about_a_certificate_replaces_it(digitalocean: Any, name: str) -> None:
    old = {"name": "site", "type": "lets_encrypt", "domains": ["www.example.com"]}
    new = {"name": "other", "type": "custom", "domains": ["example.com"]}
    assert list(digitalocean.diff(CERTIFICATE, old, {**old, name: new[name]}).replaces) == [name]


def test_a_certificate_is_only_for_names_in_the_accounts_zones(digitalocean: Any, certificate: str) -> None:
    for domain in ("example.org", "badexample.com"):
        with pytest.raises(Exception, match=f"domain {domain} is not managed by DigitalOcean DNS"):
            digitalocean.create(CERTIFICATE, {"name": "b", "type": "lets_encrypt", "domains": [domain]})


def test_a_certificate_stays_while_a_balancer_uses_it(digitalocean: Any, certificate: str) -> None:
    network, _ = digitalocean.create(VPC, {"region": "nyc3", "name": "net"})
    rules = [{**HTTPS, "certificateName": certificate}]
    inputs = {"name": "front", "region": "nyc3", "vpcUuid": network, "forwardingRules": rules}
    balancer, state = digitalocean.create(BALANCER, inputs)
    with pytest.raises(Exception, match="403 Make sure the certificate is not in use"):
        digitalocean.delete(CERTIFICATE, certificate, {})
    digitalocean.update(BALANCER, balancer, state, {**inputs, "forwardingRules": [HTTP]})
    digitalocean.delete(CERTIFICATE, certificate, {})
    assert not digitalocean.store.read()["paper_certificates"]


def test_the_key_of_a_certificate_that_was_brought_is_kept_nowhere_in_clear(digitalocean: Any) -> None:
    """ALL3"""
    made = authority.issue(authority.new_authority("ours"), ["www.example.com"])
    inputs = {"name": "ours", "leafCertificate": made.chain, "privateKey": made.key}
    _, outputs = digitalocean.create(CERTIFICATE, inputs)
    assert isinstance(outputs["privateKey"], Secret)
    assert made.key not in json.dumps(digitalocean.store.read().tables)
