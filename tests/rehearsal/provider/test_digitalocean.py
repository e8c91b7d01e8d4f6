"""What the stand-in cloud does, refuses, replaces and finds gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.provider.values import UNKNOWN, Properties, Secret, unmarshal

VPC = "digitalocean:index/vpc:Vpc"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
TAG = "digitalocean:index/tag:Tag"
ZONE = "digitalocean:index/domain:Domain"
RECORD = "digitalocean:index/dnsRecord:DnsRecord"
BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
SPACES_KEY = "digitalocean:index/spacesKey:SpacesKey"
ADDRESS = "digitalocean:index/reservedIp:ReservedIp"
ASSIGNMENT = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"
VOLUME = "digitalocean:index/volume:Volume"
ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment"
PROJECT = "digitalocean:index/project:Project"
RESOURCES = "digitalocean:index/projectResources:ProjectResources"

HOST: Properties = {"image": "ubuntu-24-04-x64", "size": "s-2vcpu-4gb", "region": "nyc3", "name": "web"}
SSH = {"protocol": "tcp", "portRange": "22", "sourceAddresses": ["203.0.113.7/32"]}
OUT = {"protocol": "tcp", "portRange": "all", "destinationAddresses": ["0.0.0.0/0"]}


def _network(digitalocean: Any, cidr: str = "10.20.0.0/24", name: str = "net") -> str:
    identifier: str = digitalocean.create(VPC, {"region": "nyc3", "ipRange": cidr, "name": name})[0]
    return identifier


def _host(digitalocean: Any, **changes: Any) -> tuple[str, Properties]:
    network = changes.pop("vpcUuid", None) or _network(digitalocean)
    made: tuple[str, Properties] = digitalocean.create(DROPLET, {**HOST, "vpcUuid": network, **changes})
    return made


def _rule(**changes: Any) -> Properties:
    return {"inboundRules": [{**SSH, **changes}], "outboundRules": [OUT], "name": "fw"}


def _rules(digitalocean: Any, host: str) -> Any:
    return digitalocean.store.read()["paper_hosts"][host].get("inbound")


def test_a_droplet_has_what_its_size_says_and_the_outputs_of_the_cloud(digitalocean: Any) -> None:
    identifier, outputs = _host(digitalocean)
    assert identifier.isdigit()
    assert outputs["dropletUrn"] == f"do:droplet:{identifier}"
    assert (outputs["vcpus"], outputs["memory"], outputs["disk"], outputs["priceMonthly"]) == (2, 4096, 80, 24)
    assert outputs["ipv4Address"]
    assert outputs["ipv4AddressPrivate"]
    assert outputs["status"] == "active"


def test_a_preview_makes_nothing_and_knows_no_address(digitalocean: Any) -> None:
    _, outputs = digitalocean.create(DROPLET, {**HOST, "vpcUuid": UNKNOWN}, preview=True)
    assert outputs["ipv4Address"] is UNKNOWN
    assert outputs["name"] == "web"
    assert not digitalocean.store.read()["droplets"]


def test_user_data_is_kept_as_a_hash_and_secret_when_it_was(digitalocean: Any) -> None:
    """ALL3"""
    _, outputs = _host(digitalocean, userData=Secret("#cloud-config\npassword: hush"))
    assert isinstance(outputs["userData"], Secret)
    assert "hush" not in outputs["userData"].value
    assert "hush" not in json.dumps(digitalocean.store.read().tables)


def test_a_name_is_made_where_none_is_given_and_kept(digitalocean: Any) -> None:
    first, _ = digitalocean.check(TAG, {})
    again, _ = digitalocean.check(TAG, {}, first)
    assert first["name"].startswith("it-")
    assert again == first


def test_a_network_with_members_stays(digitalocean: Any) -> None:
    """facts: 409, pulumi-digitalocean#753."""
    network = _network(digitalocean)
    host, state = _host(digitalocean, vpcUuid=network)
    with pytest.raises(Exception, match="409 Can not delete VPC with members"):
        digitalocean.delete(VPC, network, {})
    digitalocean.delete(DROPLET, host, state)
    digitalocean.delete(VPC, network, {})
    assert not digitalocean.store.read()["vpcs"]


def test_a_droplet_without_a_network_is_in_the_regions_default(digitalocean: Any) -> None:
    _, outputs = digitalocean.create(DROPLET, HOST)
    assert digitalocean.store.read()["vpcs"][outputs["vpcUuid"]]["default"] is True


def test_a_firewall_by_tag_stands_before_droplets_that_come_later(digitalocean: Any) -> None:
    digitalocean.create(TAG, {"name": "web"})
    digitalocean.create(FIREWALL, {**_rule(), "tags": ["web"]})
    network = _network(digitalocean)
    host, _ = _host(digitalocean, vpcUuid=network, tags=["web"])
    bare, _ = _host(digitalocean, vpcUuid=network, name="bare")
    assert _rules(digitalocean, host) == [{"protocol": "tcp", "ports": "22", "others": ["203.0.113.7/32"]}]
    assert _rules(digitalocean, bare) is None


def test_a_firewalls_rules_follow_its_changes_and_end_with_it(digitalocean: Any) -> None:
    host, _ = _host(digitalocean)
    inputs = {**_rule(), "dropletIds": [int(host)]}
    identifier, state = digitalocean.create(FIREWALL, inputs)
    changed = {**inputs, "inboundRules": [{**SSH, "sourceAddresses": ["198.51.100.0/24"]}]}
    digitalocean.update(FIREWALL, identifier, state, changed)
    assert _rules(digitalocean, host)[0]["others"] == ["198.51.100.0/24"]
    digitalocean.delete(FIREWALL, identifier, state)
    assert _rules(digitalocean, host) is None


def test_a_firewall_lets_in_the_droplets_of_a_tag(digitalocean: Any) -> None:
    network = _network(digitalocean)
    digitalocean.create(TAG, {"name": "db"})
    _, web = _host(digitalocean, vpcUuid=network, tags=["web"])
    host, _ = _host(digitalocean, vpcUuid=network, name="db", tags=["db"])
    rule = {"protocol": "tcp", "portRange": "5432", "sourceTags": ["web"]}
    digitalocean.create(FIREWALL, {"inboundRules": [rule], "outboundRules": [OUT], "tags": ["db"], "name": "fw"})
    assert f"{web['ipv4AddressPrivate']}/32" in _rules(digitalocean, host)[0]["others"]


def test_records_reach_the_resolver_with_their_whole_names(digitalocean: Any) -> None:
    digitalocean.create(ZONE, {"name": "example.com"})
    for name, kind, value in (("@", "A", "198.51.100.1"), ("www", "CNAME", "example.com."), ("a.b", "TXT", "x")):
        digitalocean.create(RECORD, {"domain": "example.com", "name": name, "type": kind, "value": value})
    assert set(digitalocean.store.read()["paper_names"]) == {
        "example.com A 198.51.100.1",
        "www.example.com CNAME example.com",
        "a.b.example.com TXT x",
    }


def test_a_record_of_a_service_reaches_the_resolver_with_its_port(digitalocean: Any) -> None:
    digitalocean.create(ZONE, {"name": "example.com"})
    service = {"type": "SRV", "name": "_sip._tcp", "priority": 1, "weight": 2, "port": 5060, "value": "a.example.com."}
    digitalocean.create(RECORD, {"domain": "example.com", **service})
    assert set(digitalocean.store.read()["paper_names"]) == {"_sip._tcp.example.com SRV 1 2 5060 a.example.com"}


def test_a_reserved_address_outlives_the_droplet_that_it_leads_to(digitalocean: Any) -> None:
    host, state = _host(digitalocean)
    address, _ = digitalocean.create(ADDRESS, {"region": "nyc3"})
    assignment, assigned = digitalocean.create(ASSIGNMENT, {"ipAddress": address, "dropletId": int(host)})
    assert digitalocean.store.read()["paper_addresses"][address]["host"] == host
    digitalocean.delete(DROPLET, host, state)
    assert not digitalocean.read(ASSIGNMENT, assignment, assigned).id
    assert digitalocean.read(ADDRESS, address, {"region": "nyc3"}).id == address


def test_a_volume_grows_and_never_shrinks_and_stays_while_it_is_attached(digitalocean: Any) -> None:
    host, _ = _host(digitalocean)
    inputs = {"region": "nyc3", "size": 10, "name": "data"}
    identifier, state = digitalocean.create(VOLUME, inputs)
    assert digitalocean.update(VOLUME, identifier, state, {**inputs, "size": 20})["size"] == 20
    with pytest.raises(Exception, match="can only be expanded"):
        digitalocean.update(VOLUME, identifier, state, {**inputs, "size": 5})
    attachment, attached = digitalocean.create(ATTACHMENT, {"volumeId": identifier, "dropletId": int(host)})
    with pytest.raises(Exception, match="still attached"):
        digitalocean.delete(VOLUME, identifier, state)
    digitalocean.delete(ATTACHMENT, attachment, attached)
    digitalocean.delete(VOLUME, identifier, state)


def test_a_project_takes_what_exists(digitalocean: Any) -> None:
    _, outputs = _host(digitalocean)
    project, _ = digitalocean.create(PROJECT, {"name": "p"})
    digitalocean.create(RESOURCES, {"project": project, "resources": [outputs["dropletUrn"]]})
    with pytest.raises(Exception, match="404 resource do:domain:example"):
        digitalocean.create(RESOURCES, {"project": project, "resources": ["do:domain:example.org"]})


def test_a_key_opens_its_buckets_until_it_is_gone(digitalocean: Any) -> None:
    """DV6: the cloud is told, and no secret is in what it keeps on paper."""
    digitalocean.create(BUCKET, {"name": "bucket"})
    grants = [{"bucket": "bucket", "permission": "readwrite"}]
    key, outputs = digitalocean.create(SPACES_KEY, {"grants": grants})
    account = digitalocean.store.read()
    assert (account["paper_buckets"], account["paper_keys"]) == ({"bucket": {}}, {key: {"grants": grants}})
    digitalocean.update(SPACES_KEY, key, outputs, {"grants": [{"bucket": "bucket", "permission": "read"}]})
    assert digitalocean.store.read()["paper_keys"][key]["grants"][0]["permission"] == "read"
    digitalocean.delete(SPACES_KEY, key, outputs)
    digitalocean.delete(BUCKET, "bucket", {})
    account = digitalocean.store.read()
    assert not account["paper_buckets"]
    assert not account["paper_keys"]


def test_the_secret_of_a_bucket_key_is_secret_and_kept_nowhere(digitalocean: Any) -> None:
    """ALL3"""
    digitalocean.create(BUCKET, {"name": "bucket"})
    _, outputs = digitalocean.create(SPACES_KEY, {"grants": [{"bucket": "bucket", "permission": "readwrite"}]})
    assert isinstance(outputs["secretKey"], Secret)
    assert outputs["secretKey"].value not in json.dumps(digitalocean.store.read().tables)


def test_a_droplet_that_is_gone_is_read_as_gone(digitalocean: Any) -> None:
    identifier, state = _host(digitalocean)
    assert digitalocean.read(DROPLET, identifier, state).id == identifier
    with digitalocean.store.transaction() as account:
        account["paper_hosts"].clear()
    assert not digitalocean.read(DROPLET, identifier, state).id


def test_what_was_changed_behind_our_back_is_read_as_it_is(digitalocean: Any) -> None:
    inputs = _rule()
    identifier, state = digitalocean.create(FIREWALL, inputs)
    with digitalocean.store.transaction() as account:
        account["firewalls"][identifier]["inboundRules"] = [{**SSH, "sourceAddresses": ["0.0.0.0/0"]}]
    answer = digitalocean.read(FIREWALL, identifier, state, inputs)
    assert unmarshal(answer.properties)["inboundRules"][0]["sourceAddresses"] == ["0.0.0.0/0"]
    assert unmarshal(answer.inputs)["inboundRules"][0]["sourceAddresses"] == ["0.0.0.0/0"]


def test_growing_a_droplet_changes_it_in_place_and_a_smaller_disk_is_refused(digitalocean: Any) -> None:
    network = _network(digitalocean)
    identifier, state = _host(digitalocean, vpcUuid=network)
    grown = digitalocean.update(DROPLET, identifier, state, {**HOST, "vpcUuid": network, "size": "s-4vcpu-8gb"})
    assert grown["memory"] == 8192
    assert digitalocean.store.read()["paper_hosts"][identifier]["memory"] == 8192
    with pytest.raises(Exception, match="smaller"):
        digitalocean.update(DROPLET, identifier, grown, {**HOST, "vpcUuid": network, "size": "s-1vcpu-1gb"})


def test_the_order_of_a_set_is_no_difference(digitalocean: Any) -> None:
    assert not digitalocean.diff(DROPLET, {**HOST, "tags": ["a", "b"]}, {**HOST, "tags": ["b", "a"]}).diffs


REPLACING = {
    "image": "debian-13-x64",
    "region": "ams3",
    "userData": "x",
    "sshKeys": ["1"],
    "vpcUuid": "v",
    "monitoring": True,
}
IN_PLACE = {"size": "s-4vcpu-8gb", "name": "other", "tags": ["a"], "backups": True, "ipv6": True}


@pytest.mark.parametrize("name", [*REPLACING, *IN_PLACE])
def test_a_droplets_change_replaces_or_not_as_with_the_real_provider(digitalocean: Any, name: str) -> None:
    """facts: the properties that replace a droplet."""
    answer = digitalocean.diff(DROPLET, HOST, {**HOST, name: {**REPLACING, **IN_PLACE}[name]})
    assert list(answer.diffs) == [name]
    assert list(answer.replaces) == ([name] if name in REPLACING else [])


def test_ipv6_can_be_turned_on_in_place_but_not_off(digitalocean: Any) -> None:
    assert list(digitalocean.diff(DROPLET, {**HOST, "ipv6": True}, HOST).replaces) == ["ipv6"]


def test_a_chosen_name_has_to_be_free_before_its_successor_is_made(digitalocean: Any) -> None:
    """facts: fixed names block create-before-delete."""
    assert digitalocean.diff(DROPLET, HOST, {**HOST, "image": "debian-13-x64"}).deleteBeforeReplace
    renamed = {**HOST, "image": "debian-13-x64", "name": "other"}
    assert digitalocean.diff(DROPLET, HOST, renamed).deleteBeforeReplace  # the bridge does not compare the names
    unnamed = {key: value for key, value in HOST.items() if key != "name"}
    assert not digitalocean.diff(DROPLET, unnamed, {**unnamed, "image": "debian-13-x64"}).deleteBeforeReplace


def test_a_value_that_is_not_known_yet_counts_as_changed(digitalocean: Any) -> None:
    assert list(digitalocean.diff(DROPLET, HOST, {**HOST, "vpcUuid": UNKNOWN}).replaces) == ["vpcUuid"]


def test_a_function_answers_from_the_account(digitalocean: Any) -> None:
    digitalocean.create(ZONE, {"name": "example.com"})
    found = digitalocean.invoke("digitalocean:index/getDomain:getDomain", {"name": "example.com"})
    assert found["domainUrn"] == "do:domain:example.com"
    with pytest.raises(Exception, match="no domain found"):
        digitalocean.invoke("digitalocean:index/getDomain:getDomain", {"name": "example.org"})
