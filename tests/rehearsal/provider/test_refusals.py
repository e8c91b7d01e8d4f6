"""What DigitalOcean refuses is refused here; the package's text says which wordings are its own."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.digitalocean.catalog import ABSENT
from rehearsal.provider.values import Properties

VPC = "digitalocean:index/vpc:Vpc"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
TAG = "digitalocean:index/tag:Tag"
ZONE = "digitalocean:index/domain:Domain"
RECORD = "digitalocean:index/dnsRecord:DnsRecord"
BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
SPACES_KEY = "digitalocean:index/spacesKey:SpacesKey"
ADDRESS = "digitalocean:index/reservedIp:ReservedIp"
VOLUME = "digitalocean:index/volume:Volume"
SHARE = "digitalocean:index/nfs:Nfs"
PROJECT = "digitalocean:index/project:Project"
KEY = "digitalocean:index/sshKey:SshKey"

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHx8Yk1eQf0m7rJ9s3cVt2bZ6wLq4uNd5oXaGpR1EyTi ops@example.com"
HOST: Properties = {"image": "ubuntu-24-04-x64", "size": "s-2vcpu-4gb", "region": "nyc3", "name": "web"}
SSH = {"protocol": "tcp", "portRange": "22", "sourceAddresses": ["203.0.113.7/32"]}
OUT = {"protocol": "tcp", "portRange": "all", "destinationAddresses": ["0.0.0.0/0"]}


DROPLET_REFUSALS: dict[str, Properties] = {
    "invalid size": {"size": "s-3vcpu-5gb"},
    "invalid region": {"region": "mars1"},
    "Region is not available": {"region": "sfo1"},
    "invalid image": {"image": "ubuntu-12-04-x64"},
    "Only valid hostname characters": {"name": "web_1"},
    "11:22 are invalid key identifiers": {"sshKeys": ["11:22"]},
    "User data is too long": {"userData": "x" * 70_000},
    "tags may contain": {"tags": ["two words"]},
    "Failed to resolve VPC": {"vpcUuid": "no-such-network"},
}


@pytest.mark.parametrize("wording", DROPLET_REFUSALS)
def test_it_refuses_a_droplet_that_the_cloud_refuses(digitalocean: Any, wording: str) -> None:
    network, _ = digitalocean.create(VPC, {"region": "nyc3", "name": "net"})
    with pytest.raises(Exception, match=wording):
        digitalocean.create(DROPLET, {**HOST, "vpcUuid": network, **DROPLET_REFUSALS[wording]})
    assert not digitalocean.store.read()["droplets"]


def _rule(**changes: Any) -> Properties:
    return {"inboundRules": [{**SSH, **changes}], "outboundRules": [OUT], "name": "fw"}


REFUSALS: list[tuple[str, str, Properties]] = [
    (VPC, "invalid CIDR", {"region": "nyc3", "ipRange": "10.20.0.0/99"}),
    (VPC, "host bits are set", {"region": "nyc3", "ipRange": "10.20.0.5/24"}),
    (VPC, "may not be smaller than /28", {"region": "nyc3", "ipRange": "10.20.0.0/29"}),
    (VPC, "nor larger than /16", {"region": "nyc3", "ipRange": "10.0.0.0/12"}),
    (VPC, "reserved for internal use in nyc3", {"region": "nyc3", "ipRange": "10.17.16.0/20"}),
    (VPC, "reserved for internal use in nyc3", {"region": "nyc3", "ipRange": "10.244.7.0/24"}),
    (VPC, "RFC1918", {"region": "nyc3", "ipRange": "8.8.8.0/24"}),
    (VPC, "alphanumeric characters, dashes", {"region": "nyc3", "name": "my net"}),
    (VPC, "region", {"region": "mars1"}),
    (VPC, "Missing required argument", {}),
    (VPC, "has no input 'colour'", {"region": "nyc3", "colour": "red"}),
    (FIREWALL, "At least one rule", {"name": "fw"}),
    (FIREWALL, "invalid port range: 70000", _rule(portRange="70000")),
    (FIREWALL, "invalid port range: 90-80", _rule(portRange="90-80")),
    (FIREWALL, "`port_range` of inbound rules is required", _rule(portRange="")),
    (FIREWALL, "invalid address: 300.0.0.0/8", _rule(sourceAddresses=["300.0.0.0/8"])),
    (FIREWALL, "at least one source", _rule(sourceAddresses=[])),
    (FIREWALL, "expected protocol to be one of", _rule(protocol="gre")),
    (FIREWALL, "ports may not be specified for icmp", _rule(protocol="icmp")),
    (FIREWALL, "maximum of 10 droplets", {**_rule(), "dropletIds": list(range(11))}),
    (FIREWALL, "maximum of 5 tags", {**_rule(), "tags": [f"t{n}" for n in range(6)]}),
    (FIREWALL, "tag nobody does not exist", {**_rule(), "tags": ["nobody"]}),
    (FIREWALL, "failed to find droplet 5", {**_rule(), "dropletIds": [5]}),
    (KEY, "invalid key type", {"publicKey": "not a key"}),
    (TAG, "tags may contain", {"name": "two words"}),
    (ZONE, "is not valid", {"name": "localhost"}),
    (RECORD, "404", {"domain": "nowhere.example", "type": "A", "name": "www", "value": "198.51.100.1"}),
    (RECORD, "`priority` is required", {"domain": "nowhere.example", "type": "MX", "value": "mail.example.com."}),
    (BUCKET, "InvalidBucketName", {"name": "My_Bucket"}),
    (BUCKET, "expected region to be one of", {"name": "bucket", "region": "nyc1"}),
    (SPACES_KEY, "bucket other does not exist", {"grants": [{"bucket": "other", "permission": "read"}]}),
    (SPACES_KEY, "invalid permission", {"grants": [{"bucket": "other", "permission": "all"}]}),
    (VOLUME, "at least", {"region": "nyc3", "size": 0, "name": "data"}),
    (VOLUME, "name must be lowercase", {"region": "nyc3", "size": 10, "name": "Data"}),
    (SHARE, r"expected size to be at least \(50\), got 20", {"region": "nyc2", "size": 20, "vpcId": "n"}),
    (SHARE, "performance_tier", {"region": "nyc2", "size": 50, "vpcId": "n", "performanceTier": "low"}),
    (SHARE, "the local cloud has no shares", {"region": "nyc2", "size": 50, "vpcId": "n"}),
    (ADDRESS, "Region is invalid", {"region": "mars1"}),
    (PROJECT, "expected environment", {"environment": "holiday"}),
    (PROJECT, "not a valid URN", {"name": "p", "resources": ["do:vpc:1"]}),
]


@pytest.mark.parametrize(("token", "wording", "inputs"), REFUSALS, ids=[f"{t}-{w}" for t, w, _ in REFUSALS])
def test_it_refuses_what_the_cloud_refuses(digitalocean: Any, token: str, wording: str, inputs: Properties) -> None:
    with pytest.raises(Exception, match=wording):
        digitalocean.create(token, inputs)


def test_a_size_that_a_region_lacks_is_refused(digitalocean: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ABSENT, "nyc3", frozenset({"s-2vcpu-4gb"}))
    network, _ = digitalocean.create(VPC, {"region": "nyc3", "name": "net"})
    with pytest.raises(Exception, match="Size is not available in this region"):
        digitalocean.create(DROPLET, {**HOST, "vpcUuid": network})


def test_ranges_of_two_networks_must_not_overlap(digitalocean: Any) -> None:
    digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.20.0.0/24"})
    with pytest.raises(Exception, match="overlaps with another VPC network"):
        digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.20.0.128/25"})


TWINS: list[tuple[str, str, Properties]] = [
    (VPC, "already exists", {"region": "nyc3", "name": "net"}),
    (KEY, "already in use", {"publicKey": PUBLIC_KEY}),
    (ZONE, "already exists", {"name": "example.com"}),
    (BUCKET, "BucketAlreadyExists", {"name": "bucket"}),
    (FIREWALL, "duplicate name", _rule()),
    (PROJECT, "already in use", {"name": "p"}),
    (VOLUME, "already exists", {"region": "nyc3", "size": 10, "name": "data"}),
]


@pytest.mark.parametrize(("token", "wording", "inputs"), TWINS, ids=[token for token, _, _ in TWINS])
def test_a_name_that_is_taken_is_refused(digitalocean: Any, token: str, wording: str, inputs: Properties) -> None:
    digitalocean.create(token, inputs)
    with pytest.raises(Exception, match=wording):
        digitalocean.create(token, inputs)


@pytest.mark.parametrize(
    ("kind", "value", "wording"),
    [
        ("A", "::1", "did not match IPv4"),
        ("AAAA", "198.51.100.1", "did not match IPv6"),
        ("CNAME", "a.b", "end with a dot"),
    ],
)
def test_a_record_has_to_hold_what_its_type_says(digitalocean: Any, kind: str, value: str, wording: str) -> None:
    digitalocean.create(ZONE, {"name": "example.com"})
    with pytest.raises(Exception, match=wording):
        digitalocean.create(RECORD, {"domain": "example.com", "name": "www", "type": kind, "value": value})
