"""What the cloud refuses of databases, and which changes replace them; the package's text says whose wordings."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.values import Properties

VPC = "digitalocean:index/vpc:Vpc"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
DATABASE = "digitalocean:index/databaseDb:DatabaseDb"
USER = "digitalocean:index/databaseUser:DatabaseUser"
POOL = "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool"
FIREWALL = "digitalocean:index/databaseFirewall:DatabaseFirewall"
REPLICA = "digitalocean:index/databaseReplica:DatabaseReplica"

PG: Properties = {
    "name": "data",
    "engine": "pg",
    "version": "17",
    "size": "db-s-1vcpu-1gb",
    "region": "nyc3",
    "nodeCount": 1,
}
POOLED: Properties = {"name": "main", "dbName": "defaultdb", "mode": "transaction", "size": 10}


CLUSTERS: list[tuple[str, Properties]] = [
    ("Redis has left the service: its successor is valkey", {"engine": "redis", "version": "7"}),
    ("invalid cluster engine oracle", {"engine": "oracle"}),
    ("no database of the engine mysql yet", {"engine": "mysql", "version": "8"}),
    ("version 14 of pg is not available: 15, 16, 17", {"version": "14"}),
    ("version 13 of pg is not available", {"version": "13"}),
    ("version 7 of valkey is not available: 8", {"engine": "valkey", "version": "7"}),
    ("version 6 of mongodb is not available", {"engine": "mongodb", "version": "6"}),
    ('"version" is required', {"version": None}),
    ("invalid size db-s-3vcpu-5gb", {"size": "db-s-3vcpu-5gb"}),
    ("db-s-1vcpu-1gb is for single node clusters only", {"nodeCount": 2}),
    ("1 to 3 nodes, not 4", {"nodeCount": 4, "size": "db-s-1vcpu-2gb"}),
    ("1 or 3 nodes, not 2", {"engine": "mongodb", "version": "7", "nodeCount": 2, "size": "db-s-1vcpu-2gb"}),
    ("invalid region", {"region": "mars1"}),
    ("it must be a VPC of the region", {"region": "ams3"}),
    ("it must be a VPC of the region", {"privateNetworkUuid": "nowhere"}),
    ("invalid cluster name", {"name": "my_data"}),
    ("project none does not exist", {"projectId": "none"}),
    ("tags may contain", {"tags": ["two words"]}),
    ("sql_mode is only supported for MySQL", {"sqlMode": "ANSI"}),
    ("eviction_policy is only supported for Redis or Valkey", {"evictionPolicy": "allkeys_lru"}),
    ("allkeys-lru is none of", {"engine": "valkey", "version": "8", "evictionPolicy": "allkeys-lru"}),
    ("expected day to be one of", {"maintenanceWindows": [{"day": "someday", "hour": "02:00"}]}),
    ("has no backupRestore yet", {"backupRestore": {"databaseName": "old"}}),
]  # fmt: skip


@pytest.mark.parametrize(("wording", "changes"), CLUSTERS, ids=[wording for wording, _ in CLUSTERS])
def test_it_refuses_a_cluster_that_the_cloud_refuses(digitalocean: Any, wording: str, changes: Properties) -> None:
    network, _ = digitalocean.create(VPC, {"region": "nyc3", "name": "net"})
    with pytest.raises(Exception, match=wording):
        digitalocean.create(CLUSTER, {**PG, "privateNetworkUuid": network, **changes})
    assert not digitalocean.store.read()["database_clusters"]


PARTS: list[tuple[str, str, Properties]] = [
    (DATABASE, "404 cluster not found", {"clusterId": "none", "name": "app"}),
    (DATABASE, "409 defaultdb already exists", {"name": "defaultdb"}),
    (DATABASE, "422 invalid name", {"name": "a b"}),
    (USER, "409 doadmin already exists", {"name": "doadmin"}),
    (USER, "no database whose users have settings yet", {"name": "app", "settings": [{}]}),
    (POOL, "pools of 23 connections: db-s-1vcpu-1gb has 22", {**POOLED, "size": 23}),
    (POOL, "404 database other not found", {**POOLED, "dbName": "other"}),
    (POOL, "404 user nobody not found", {**POOLED, "user": "nobody"}),
    (POOL, "expected mode to be one of", {**POOLED, "mode": "greedy"}),
    (POOL, r"length of name to be in the range \(3 - 63\)", {**POOLED, "name": "p"}),
    (POOL, "at least 1 connection", {**POOLED, "size": 0}),
    (FIREWALL, "expected type to be one of", {"rules": [{"type": "dns", "value": "example.com"}]}),
    (FIREWALL, "failed to find droplet 5", {"rules": [{"type": "droplet", "value": "5"}]}),
    (FIREWALL, "tag nobody does not exist", {"rules": [{"type": "tag", "value": "nobody"}]}),
    (FIREWALL, "::1 is no IPv4 address", {"rules": [{"type": "ip_addr", "value": "::1"}]}),
    (FIREWALL, "failed to find app a", {"rules": [{"type": "app", "value": "a"}]}),
    (FIREWALL, "has no k8s for a database to trust yet", {"rules": [{"type": "k8s", "value": "a"}]}),
    (FIREWALL, "at most 100", {"rules": [{"type": "ip_addr", "value": f"192.0.2.{last}"} for last in range(101)]}),
    (FIREWALL, "404 cluster not found", {"clusterId": "none", "rules": [{"type": "ip_addr", "value": "192.0.2.1"}]}),
    (REPLICA, "no replica in another region yet", {"name": "reader", "region": "ams3"}),
    (REPLICA, "invalid size", {"name": "reader", "size": "db-huge"}),
]  # fmt: skip


@pytest.mark.parametrize(("token", "wording", "inputs"), PARTS, ids=[f"{t}-{w}" for t, w, _ in PARTS])
def test_it_refuses_a_part_that_the_cloud_refuses(
    digitalocean: Any, token: str, wording: str, inputs: Properties
) -> None:
    cluster, _ = digitalocean.create(CLUSTER, PG)
    with pytest.raises(Exception, match=wording):
        digitalocean.create(token, {"clusterId": cluster, **inputs})


def test_the_pools_of_a_cluster_share_what_its_plan_allows(digitalocean: Any) -> None:
    """SF3, FF: 22 connections on the smallest plan."""
    cluster, _ = digitalocean.create(CLUSTER, PG)
    digitalocean.create(POOL, {"clusterId": cluster, **POOLED, "size": 12})
    with pytest.raises(Exception, match="pools of 24 connections"):
        digitalocean.create(POOL, {"clusterId": cluster, **POOLED, "name": "other", "size": 12})
    digitalocean.create(POOL, {"clusterId": cluster, **POOLED, "name": "other", "size": 10})


@pytest.mark.parametrize("token", [DATABASE, POOL, REPLICA])
def test_valkey_has_no_databases_pools_or_replicas_here(digitalocean: Any, token: str) -> None:
    cluster, _ = digitalocean.create(CLUSTER, {**PG, "engine": "valkey", "version": "8"})
    inputs = POOLED if token == POOL else {"name": "app"}
    with pytest.raises(Exception, match="operation is not supported for this cluster type"):
        digitalocean.create(token, {"clusterId": cluster, **inputs})


@pytest.mark.parametrize(
    ("token", "inputs"), [(CLUSTER, PG), (DATABASE, {"name": "app"}), (USER, {"name": "app"}), (POOL, POOLED)]
)
def test_a_name_in_a_database_is_its_own(digitalocean: Any, token: str, inputs: Properties) -> None:
    made = {} if token == CLUSTER else {"clusterId": digitalocean.create(CLUSTER, PG)[0]}
    digitalocean.create(token, {**made, **inputs})
    with pytest.raises(Exception, match=r"already exists|not available"):
        digitalocean.create(token, {**made, **inputs})


def test_a_version_does_not_go_back(digitalocean: Any) -> None:
    cluster, state = digitalocean.create(CLUSTER, {**PG, "version": "16"})
    digitalocean.update(CLUSTER, cluster, state, PG)
    with pytest.raises(Exception, match="a version can't go back"):
        digitalocean.update(CLUSTER, cluster, state, {**PG, "version": "15"})


REPLACING = {"name": "other", "engine": "valkey", "privateNetworkUuid": "v", "projectId": "p"}
IN_PLACE = {"size": "db-s-1vcpu-2gb", "nodeCount": 2, "version": "18", "region": "ams3", "tags": ["a"]}


@pytest.mark.parametrize("name", [*REPLACING, *IN_PLACE])
def test_a_clusters_change_replaces_or_not_as_with_the_real_provider(digitalocean: Any, name: str) -> None:
    """ALL4, facts: the name, the engine, the network and the project replace."""
    answer = digitalocean.diff(CLUSTER, PG, {**PG, name: {**REPLACING, **IN_PLACE}[name]})
    assert list(answer.diffs) == [name]
    assert list(answer.replaces) == ([name] if name in REPLACING else [])


@pytest.mark.parametrize("name", ["size", "mode", "user", "dbName", "name"])
def test_everything_about_a_pool_replaces_it(digitalocean: Any, name: str) -> None:
    old = {**POOLED, "clusterId": "c", "user": "one"}
    assert list(digitalocean.diff(POOL, old, {**old, name: 1 if name == "size" else "session"}).replaces) == [name]


def test_the_rules_of_a_database_firewall_change_in_place(digitalocean: Any) -> None:
    old = {"clusterId": "c", "rules": [{"type": "tag", "value": "a"}, {"type": "tag", "value": "b"}]}
    assert not digitalocean.diff(FIREWALL, old, {**old, "rules": old["rules"][::-1]}).diffs
    assert not digitalocean.diff(FIREWALL, old, {**old, "rules": old["rules"][:1]}).replaces
    assert list(digitalocean.diff(FIREWALL, old, {**old, "clusterId": "d"}).replaces) == ["clusterId"]
