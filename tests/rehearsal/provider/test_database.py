"""Database clusters and what is in them: outputs, secrets, trusted sources, and what goes with what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.provider.values import UNKNOWN, Properties, Secret, plain, unmarshal

VPC = "digitalocean:index/vpc:Vpc"
DROPLET = "digitalocean:index/droplet:Droplet"
TAG = "digitalocean:index/tag:Tag"
PROJECT = "digitalocean:index/project:Project"
RESOURCES = "digitalocean:index/projectResources:ProjectResources"
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
    "size": "db-s-1vcpu-2gb",
    "region": "nyc3",
    "nodeCount": 2,
}
VALKEY: Properties = {**PG, "name": "cache", "engine": "valkey", "version": "8"}
MONGODB: Properties = {**PG, "name": "documents", "engine": "mongodb", "version": "7", "nodeCount": 3}
HOST: Properties = {"image": "ubuntu-24-04-x64", "size": "s-2vcpu-4gb", "region": "nyc3", "name": "web"}


@pytest.fixture
def network(digitalocean: Any) -> str:
    identifier: str = digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.20.0.0/24", "name": "net"})[0]
    return identifier


@pytest.fixture
def cluster(digitalocean: Any, network: str) -> str:
    identifier: str = digitalocean.create(CLUSTER, {**PG, "privateNetworkUuid": network})[0]
    return identifier


def _server(digitalocean: Any, identifier: str) -> Any:
    return digitalocean.store.read()["paper_servers"][identifier]


def _trusted(digitalocean: Any, identifier: str) -> Any:
    return _server(digitalocean, identifier)["trusted"]


@pytest.mark.parametrize(
    ("inputs", "user", "port", "form"),
    [
        (PG, "doadmin", 25060, "postgresql://doadmin:{password}@{host}:25060/defaultdb?sslmode=require"),
        (VALKEY, "default", 25061, "rediss://default:{password}@{host}:25061"),
        (
            MONGODB,
            "doadmin",
            27017,
            "mongodb+srv://doadmin:{password}@{host}/admin?tls=true&authSource=admin&replicaSet=documents",
        ),
    ],
    ids=["pg", "valkey", "mongodb"],
)
def test_a_cluster_says_how_to_connect(
    digitalocean: Any, network: str, inputs: Properties, user: str, port: int, form: str
) -> None:
    identifier, outputs = digitalocean.create(CLUSTER, {**inputs, "privateNetworkUuid": network})
    assert (outputs["user"], outputs["port"], outputs["clusterUrn"]) == (user, port, f"do:dbaas:{identifier}")
    assert outputs["privateHost"] == f"private-{outputs['host']}"
    made = plain(outputs)
    assert made["uri"] == form.format(password=made["password"], host=made["host"])
    assert made["privateUri"] == form.format(password=made["password"], host=made["privateHost"])
    names = digitalocean.store.read()["paper_names"]
    assert len([name for name in names if name.startswith((f"{made['host']} A ", f"private-{made['host']} A "))]) == 2


def test_the_nodes_of_mongodb_are_found_by_one_name(digitalocean: Any, network: str) -> None:
    _, outputs = digitalocean.create(CLUSTER, {**MONGODB, "privateNetworkUuid": network})
    host = outputs["privateHost"]
    assert f"_mongodb._tcp.{host} SRV 0 0 27017 {host}" in digitalocean.store.read()["paper_names"]


def test_what_lets_in_is_secret_and_kept_nowhere_in_clear(digitalocean: Any, cluster: str) -> None:
    """ALL3"""
    _, outputs = digitalocean.create(CLUSTER, {**PG, "name": "other"})
    _, user = digitalocean.create(USER, {"clusterId": cluster, "name": "app"})
    _, pool = digitalocean.create(
        POOL, {"clusterId": cluster, "name": "main", "dbName": "defaultdb", "mode": "session", "size": 5}
    )
    kept = json.dumps(digitalocean.store.read().tables)
    for made in (outputs, user, pool):
        assert isinstance(made["password"], Secret)
        assert made["password"].value not in kept
    for key in ("uri", "privateUri"):
        assert isinstance(outputs[key], Secret)
        assert isinstance(pool[key], Secret)


def test_a_preview_makes_no_database(digitalocean: Any) -> None:
    _, outputs = digitalocean.create(CLUSTER, {**PG, "privateNetworkUuid": UNKNOWN}, preview=True)
    assert outputs["privateHost"] is UNKNOWN
    assert plain(outputs["password"]) is UNKNOWN
    assert not digitalocean.store.read()["database_clusters"]


def test_a_cluster_knows_its_names_and_what_its_plan_allows(digitalocean: Any, network: str) -> None:
    identifier, outputs = digitalocean.create(CLUSTER, {**PG, "privateNetworkUuid": network, "tags": ["prod"]})
    server = _server(digitalocean, identifier)
    assert server["names"] == [outputs["host"], outputs["privateHost"]]
    assert (server["memory_mib"], server["connections"]) == (2048, 50)
    assert "prod" in digitalocean.store.read()["tags"]


def test_growing_a_cluster_changes_it_in_place_and_its_password_stays(digitalocean: Any, cluster: str) -> None:
    inputs = {**PG, "size": "db-s-2vcpu-4gb"}
    state = {**PG, "password": Secret("kept"), "host": "h"}
    changed = digitalocean.update(CLUSTER, cluster, state, inputs)
    assert changed["password"] == Secret("kept")
    assert (_server(digitalocean, cluster)["memory_mib"], _server(digitalocean, cluster)["connections"]) == (4096, 100)
    with pytest.raises(Exception, match="can't become db-s-1vcpu-2gb: smaller"):
        digitalocean.update(CLUSTER, cluster, state, PG)


def test_valkeys_eviction_is_told_in_its_own_words(digitalocean: Any, network: str) -> None:
    inputs = {**VALKEY, "privateNetworkUuid": network, "evictionPolicy": "allkeys_lru"}
    identifier, state = digitalocean.create(CLUSTER, inputs)
    assert _server(digitalocean, identifier)["eviction"] == "allkeys-lru"
    digitalocean.update(CLUSTER, identifier, state, {**inputs, "evictionPolicy": "volatile_ttl"})
    assert _server(digitalocean, identifier)["eviction"] == "volatile-ttl"


def test_databases_users_and_pools_come_and_go(digitalocean: Any, cluster: str) -> None:
    database, made = digitalocean.create(DATABASE, {"clusterId": cluster, "name": "app"})
    user, account = digitalocean.create(USER, {"clusterId": cluster, "name": "worker"})
    pool_inputs = {"name": "main", "dbName": "app", "user": "worker", "mode": "transaction", "size": 10}
    pool, way = digitalocean.create(POOL, {"clusterId": cluster, **pool_inputs})
    assert (database, user, pool) == (f"{cluster}/database/app", f"{cluster}/user/worker", f"{cluster}/main")
    assert account["role"] == "normal"
    assert f":25061/{pool_inputs['name']}?sslmode=require" in way["privateUri"].value
    assert _server(digitalocean, cluster)["pools"] == [
        {"name": "main", "database": "app", "size": 10, "mode": "transaction", "user": "worker"}
    ]
    for token, identifier, state in ((POOL, pool, way), (USER, user, account), (DATABASE, database, made)):
        digitalocean.delete(token, identifier, state)
        assert not digitalocean.read(token, identifier, state).id
    server = _server(digitalocean, cluster)
    assert (server["pools"], server["users"], server["schemas"]) == ([], {}, {})


def test_everybody_reaches_a_database_until_it_trusts_somebody(digitalocean: Any, network: str, cluster: str) -> None:
    """facts: a firewall's deletion empties the one list that there is."""
    assert _trusted(digitalocean, cluster) is None
    digitalocean.create(TAG, {"name": "web"})
    rules = [{"type": "tag", "value": "web"}, {"type": "ip_addr", "value": "203.0.113.7"}]
    inputs = {"clusterId": cluster, "rules": rules}
    firewall, state = digitalocean.create(FIREWALL, inputs)
    assert _trusted(digitalocean, cluster) == ["203.0.113.7/32"]
    droplet, host = digitalocean.create(DROPLET, {**HOST, "vpcUuid": network, "tags": ["web"]})
    both = {f"{host[key]}/32" for key in ("ipv4Address", "ipv4AddressPrivate")}
    assert set(_trusted(digitalocean, cluster)) == {"203.0.113.7/32", *both}
    digitalocean.delete(DROPLET, droplet, host)
    assert _trusted(digitalocean, cluster) == ["203.0.113.7/32"]
    digitalocean.update(FIREWALL, firewall, state, {**inputs, "rules": rules[:1]})
    assert _trusted(digitalocean, cluster) == [], "a tag that no droplet has trusts nobody"
    digitalocean.delete(FIREWALL, firewall, state)
    assert _trusted(digitalocean, cluster) is None


def test_two_firewalls_of_one_cluster_write_the_same_list(digitalocean: Any, cluster: str) -> None:
    """facts: one per cluster."""
    first = {"clusterId": cluster, "rules": [{"type": "ip_addr", "value": "203.0.113.7"}]}
    identifier, state = digitalocean.create(FIREWALL, first)
    digitalocean.create(FIREWALL, {**first, "rules": [{"type": "ip_addr", "value": "203.0.113.8"}]})
    assert _trusted(digitalocean, cluster) == ["203.0.113.8/32"]
    answer = digitalocean.read(FIREWALL, identifier, state, first)
    assert unmarshal(answer.inputs)["rules"] == [{"type": "ip_addr", "value": "203.0.113.8"}]


def test_a_replica_has_an_address_and_trusted_sources_of_its_own(digitalocean: Any, cluster: str) -> None:
    """VU2"""
    replica, outputs = digitalocean.create(REPLICA, {"clusterId": cluster, "name": "reader"})
    assert replica == f"{cluster}/replicas/reader"
    assert _server(digitalocean, outputs["uuid"])["source"] == cluster
    assert outputs["privateUri"].value.endswith(f"@{outputs['privateHost']}:25060/defaultdb?sslmode=require")
    rules = [{"type": "ip_addr", "value": "203.0.113.7"}]
    digitalocean.create(FIREWALL, {"clusterId": outputs["uuid"], "rules": rules})
    assert _trusted(digitalocean, outputs["uuid"]) == ["203.0.113.7/32"]
    assert _trusted(digitalocean, cluster) is None
    digitalocean.delete(REPLICA, replica, outputs)
    assert outputs["uuid"] not in digitalocean.store.read()["paper_servers"]


def test_what_is_in_a_cluster_goes_with_it(digitalocean: Any, network: str, cluster: str) -> None:
    database, made = digitalocean.create(DATABASE, {"clusterId": cluster, "name": "app"})
    rules = [{"type": "ip_addr", "value": "203.0.113.7"}]
    firewall, wall = digitalocean.create(FIREWALL, {"clusterId": cluster, "rules": rules})
    digitalocean.create(REPLICA, {"clusterId": cluster, "name": "reader"})
    with pytest.raises(Exception, match="409 Can not delete VPC with members"):
        digitalocean.delete(VPC, network, {})
    digitalocean.delete(CLUSTER, cluster, {})
    assert not digitalocean.read(DATABASE, database, made).id
    assert not digitalocean.read(FIREWALL, firewall, wall).id
    digitalocean.delete(DATABASE, database, made)
    digitalocean.delete(FIREWALL, firewall, wall)
    digitalocean.delete(VPC, network, {})
    assert not digitalocean.store.read()["paper_servers"]
    assert not digitalocean.store.read()["paper_names"]


def test_a_cluster_that_is_gone_is_read_as_gone(digitalocean: Any, cluster: str) -> None:
    assert digitalocean.read(CLUSTER, cluster, PG).id == cluster
    with digitalocean.store.transaction() as account:
        account["paper_servers"].clear()
    assert not digitalocean.read(CLUSTER, cluster, PG).id


def test_a_project_takes_a_database(digitalocean: Any, cluster: str) -> None:
    project, _ = digitalocean.create(PROJECT, {"name": "p"})
    digitalocean.create(RESOURCES, {"project": project, "resources": [f"do:dbaas:{cluster}"]})


def test_the_authority_of_a_database_can_be_asked_for(digitalocean: Any, cluster: str) -> None:
    found = digitalocean.invoke("digitalocean:index/getDatabaseCa:getDatabaseCa", {"clusterId": cluster})
    assert found["certificate"] == "the authority of postgres\n"
