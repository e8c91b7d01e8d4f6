"""What a fleet is made of: databases, balancer, firewalls, one release of all (DV6, VU1, VU2, VU10, ALL3, ALL4)."""

from __future__ import annotations

import json

import pulumi
import pytest

from components.database import Database, DatabaseArgs, Trusted, database_args, in_database
from components.firewall import Firewall, FirewallArgs, Inside
from components.fleet_release import FleetRelease, FleetReleaseArgs, Member
from components.keys import Keys
from components.leaving import Leaving
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from settings.backing import MongoDB, ObjectStorage, Postgres, PostgresPool, Redis
from tests.components.conftest import Record


def _database(**changes: object) -> DatabaseArgs:
    given: dict[str, object] = {
        "engine": "pg",
        "version": "17",
        "size": "db-s-1vcpu-1gb",
        "region": "nyc3",
        "network_id": "vpc",
        "trusted": Trusted("tag", "shop-host"),
    }
    return DatabaseArgs(**{**given, **changes})  # type: ignore[arg-type]


def test_a_database_is_protected_and_takes_hosts_with_one_tag_alone(record: Record) -> None:
    recorded = record(lambda: Database("shop-database", _database(database="shop")))
    cluster, firewall = recorded.one("DatabaseCluster"), recorded.one("DatabaseFirewall")
    assert cluster.protect
    assert cluster.inputs["privateNetworkUuid"] == "vpc"
    assert firewall.protect
    assert firewall.inputs["rules"] == [{"type": "tag", "value": "shop-host"}]
    assert recorded.one("DatabaseDb").protect
    assert all("slipway:database:Database$" in each.urn for each in recorded.graph if each.custom)


def test_the_facts_of_a_database_are_private_and_its_url_and_password_are_secrets(record: Record) -> None:
    def program() -> None:
        made = Database("shop-database", _database(database="shop"))
        for name, value in made.facts.items():
            pulumi.export(name, value)
            pulumi.export(f"{name}-is-secret", pulumi.Output.from_input(value.is_secret()))

    from plan.program import run

    ran = run(program, "test", {}, frozenset())
    outputs = ran.outputs.values
    assert outputs["host"].startswith("private-")
    assert "sslmode=require" in outputs["url"]
    assert outputs["url"].rpartition("/")[2].startswith("shop?")
    secret = {name for name in ("url", "password", "host", "port", "user", "database") if outputs[f"{name}-is-secret"]}
    assert secret == {"url", "password"}


@pytest.mark.parametrize("engine", ["valkey", "mongodb"])
def test_every_engine_says_how_it_is_reached(record: Record, engine: str) -> None:
    made: list[Database] = []
    args = _database(engine=engine, version="8", database=None if engine == "valkey" else "shop")
    record(lambda: made.append(Database("shop-x", args)))
    wanted = {"host", "port", "password", "url"} | ({"user", "database"} if engine == "mongodb" else set())
    assert set(made[0].facts) == wanted


def test_pools_and_replicas_belong_to_the_cluster_and_are_paid_for(record: Record) -> None:
    made: list[Database] = []
    args = _database(size="db-s-2vcpu-4gb", nodes=2, replicas=1, pools={"web": PostgresPool(size=20)}, database="shop")
    recorded = record(lambda: made.append(Database("shop-database", args)))
    assert recorded.one("DatabaseConnectionPool").inputs["size"] == 20
    assert recorded.one("DatabaseReplica").inputs["privateNetworkUuid"] == "vpc"
    trusted = {each.name: each.inputs["rules"] for each in recorded.all("DatabaseFirewall")}
    assert set(trusted) == {"shop-database-trusted-sources", "shop-database-replica-1-trusted-sources"}
    assert all(rules == [{"type": "tag", "value": "shop-host"}] for rules in trusted.values())
    assert {each.name for each in recorded.graph if each.protect} == {
        "shop-database-cluster",
        "shop-database-trusted-sources",  # the replica's own go with it
        "shop-database-database",
    }
    assert made[0].monthly == pytest.approx(60.90 * 3)


def test_a_pool_is_reached_as_its_database_is_by_its_own_name_and_port(record: Record) -> None:
    def program() -> None:
        made = Database("shop-database", _database(pools={"web": PostgresPool(size=20)}, database="shop"))
        for field in ("url", "host", "port", "user", "password", "database"):
            value = made.facts[f"pools.web.{field}"]
            pulumi.export(field, value)
            pulumi.export(f"{field}-is-secret", pulumi.Output.from_input(value.is_secret()))

    from plan.program import run

    outputs = run(program, "test", {}, frozenset()).outputs.values
    assert outputs["url"].endswith(":25061/web?sslmode=require")
    assert outputs["host"].startswith("private-")
    assert (outputs["port"], outputs["user"], outputs["database"]) == ("25061", "doadmin", "web")
    secret = {name for name in ("url", "host", "port", "user", "password", "database") if outputs[f"{name}-is-secret"]}
    assert secret == {"url", "password"}


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        (
            "mongodb+srv://doadmin:pw@private-x.example.com/admin?replicaSet=x&tls=true&authSource=admin",
            "mongodb+srv://doadmin:pw@private-x.example.com/shop?authSource=admin&replicaSet=x&tls=true",
        ),
        ("mongodb://u:p@one:27017,two:27017", "mongodb://u:p@one:27017,two:27017/shop?authSource=admin"),
    ],
)
def test_a_cluster_s_url_leads_to_the_product_s_database(uri: str, wanted: str) -> None:
    assert in_database(uri, "shop") == wanted


def test_a_backing_service_becomes_the_cloud_s_engine() -> None:
    where = ("nyc3", "vpc", Trusted("tag", "shop-host"), ["product:shop"])
    postgres = database_args(Postgres(engine="postgres", provider="managed", standby=True), "my-shop", *where)
    assert (postgres.engine, postgres.version, postgres.nodes, postgres.database) == ("pg", "17", 2, "my_shop")
    redis = database_args(Redis(engine="redis", provider="managed", eviction="allkeys-lru"), "shop", *where)
    assert (redis.engine, redis.version, redis.database, redis.eviction) == ("valkey", "8", None, "allkeys-lru")
    mongodb = database_args(MongoDB(engine="mongodb", provider="managed", members=3), "shop", *where)
    assert (mongodb.engine, mongodb.version, mongodb.nodes) == ("mongodb", "7", 3)
    with pytest.raises(ValueError, match="no managed object-storage"):
        database_args(ObjectStorage(engine="object-storage", provider="managed"), "shop", *where)


def test_an_eviction_policy_is_written_as_the_cloud_writes_it(record: Record) -> None:
    args = _database(engine="valkey", version="8", eviction="allkeys-lru")
    assert record(lambda: Database("shop-cache", args)).one("DatabaseCluster").inputs["evictionPolicy"] == "allkeys_lru"


def _balancer(**changes: object) -> LoadBalancerArgs:
    given: dict[str, object] = {
        "region": "nyc3",
        "network_id": "vpc",
        "domains": ["shop.example.com", "api.example.com"],
        "droplet_ids": ["1", "2"],
        "tag": "shop-web",
    }
    return LoadBalancerArgs(**{**given, **changes})  # type: ignore[arg-type]


def test_the_balancer_ends_tls_and_asks_each_host_every_ten_seconds(record: Record) -> None:
    """DV6: a host leaves after two failed checks."""
    recorded = record(lambda: LoadBalancer("shop-web", _balancer(nodes=2)))
    balancer, certificate = recorded.one("LoadBalancer"), recorded.one("Certificate")
    assert not balancer.protect  # it would keep all hosts from `destroy --exclude-protected` (ALL1)
    assert balancer.inputs["redirectHttpToHttps"] is True
    assert balancer.inputs["dropletIds"] == [1, 2]
    assert balancer.inputs["httpIdleTimeoutSeconds"] == 600, "an event stream may be silent for as long as may be (DV3)"
    check = balancer.inputs["healthcheck"]
    assert (check["checkIntervalSeconds"], check["unhealthyThreshold"]) == (10, 2)
    assert (check["path"], check["port"]) == ("/.slipway/health", 80)
    rules = {(rule["entryProtocol"], rule["targetProtocol"]): rule for rule in balancer.inputs["forwardingRules"]}
    assert rules[("https", "http")]["certificateName"] == certificate.inputs["name"]
    assert certificate.inputs["domains"] == ["shop.example.com", "api.example.com"]


def test_more_hosts_than_the_cloud_takes_by_name_are_known_by_their_tag(record: Record) -> None:
    ids = [str(number) for number in range(11)]
    balancer = record(lambda: LoadBalancer("shop-web", _balancer(droplet_ids=ids))).one("LoadBalancer")
    assert balancer.inputs["dropletTag"] == "shop-web"
    assert "dropletIds" not in balancer.inputs


def test_another_domain_makes_a_certificate_of_another_name(record: Record) -> None:
    """The old one is in use until the balancer has the new one, so both have to exist for a moment."""
    names = {
        record(lambda domains=domains: LoadBalancer("shop-web", _balancer(domains=domains)))  # type: ignore[misc]
        .one("Certificate")
        .inputs["name"]
        for domains in (["shop.example.com"], ["shop.example.com", "www.example.com"])
    }
    assert len(names) == 2


def test_https_goes_on_to_the_hosts_where_it_is_asked_for(record: Record) -> None:
    """VU7."""
    balancer = record(lambda: LoadBalancer("shop-web", _balancer(encrypt_to_hosts=True))).one("LoadBalancer")
    assert {rule["targetPort"] for rule in balancer.inputs["forwardingRules"]} == {443}
    assert balancer.inputs["healthcheck"]["protocol"] == "https"


def test_a_firewall_lets_in_the_balancer_and_tagged_hosts_and_nobody_else(record: Record) -> None:
    inside = [Inside((80,), load_balancers=["lb-1"]), Inside((5432,), tags=["shop-host"])]
    firewall = record(lambda: Firewall("shop", FirewallArgs("shop-host", (), (), inside))).one("Firewall")
    rules = [rule for rule in firewall.inputs["inboundRules"] if rule["protocol"] == "tcp"]
    assert rules == [
        {"protocol": "tcp", "portRange": "80", "sourceLoadBalancerUids": ["lb-1"]},
        {"protocol": "tcp", "portRange": "5432", "sourceTags": ["shop-host"]},
    ]


def test_a_fleet_is_released_by_one_command_whose_input_is_secret(record: Record) -> None:
    """ALL3: keys and variables travel on standard input."""

    def program() -> None:
        members = [Member("shop-1", "192.0.2.1", "ssh-ed25519 A"), Member("shop-2", "192.0.2.2", "ssh-ed25519 B")]
        FleetRelease("shop-fleet", FleetReleaseArgs(members, Keys("shop-keys"), '{"images": {}}', "pulumi up -s shop"))

    command = record(program).one("Command")
    assert command.inputs["create"] == "scripts/fleet.sh release"
    assert command.is_secret("stdin")
    content = json.loads(command.inputs["stdin"])
    assert [host["name"] for host in content["hosts"]] == ["shop-1", "shop-2"]
    assert content["hosts"][1] == {"name": "shop-2", "address": "192.0.2.2", "host_key": "ssh-ed25519 B"}
    assert content["request"] == {"images": {}}


def test_a_host_that_leaves_gets_time_for_its_last_requests(record: Record) -> None:
    """Removing one drains it first (VU10). A changed time removes nothing by itself."""
    command = record(lambda: Leaving("shop-2-leaving", "2001", 40)).one("Command")
    assert command.inputs["delete"] == "sleep 40"
    assert "delete" in command.ignore_changes
    assert command.inputs["triggers"] == ["2001"]
