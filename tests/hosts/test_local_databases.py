"""Managed databases for real: TLS and a password for everybody, and nobody but trusted hosts gets that far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest

from rehearsal.cloud import LocalCloud
from rehearsal.provider.values import Properties, plain
from tests.hosts.looking import eventually, reaches
from tests.hosts.provided import DO, Account, opened_account

pytestmark = pytest.mark.hosts

PG, VALKEY, POOL = 25060, 25061, 25061
USER_DATA = "#cloud-config\n" + json.dumps(
    {"runcmd": ["apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql-client valkey-tools"]}
)


@dataclass
class Data:
    """Two databases, a host that they trust and one that they don't."""

    account: Account
    hosts: dict[str, str]
    network: str
    postgres: Properties
    valkey: Properties
    cluster: str
    given: Properties

    def sql(self, url: str, text: str, host: str = "app") -> CompletedProcess[str]:
        """Has psql on a host say something to the database at a URL."""
        return self.account.on(self.hosts[host], f'read -r url; timeout 20 psql "$url" -XAtc "{text}"', f"{url}\n")

    def cli(self, url: str, *words: str, host: str = "app") -> str:
        """What valkey-cli on a host prints. The URL holds the password, so that it comes by standard input."""
        script = f'read -r url; timeout 10 valkey-cli --tls -u "$url" {" ".join(words)} 2>&1'
        return self.account.on(self.hosts[host], script, f"{url}\n").stdout.strip()

    def gets_through(self, host: str, name: str, port: int) -> bool:
        """Whether a host can open a connection."""
        return self.account.on(self.hosts[host], f"timeout 1 bash -c '</dev/tcp/{name}/{port}'").returncode == 0


@pytest.fixture(scope="module")
def data(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    with opened_account(local_cloud, tmp_path_factory.mktemp("account")) as account:
        network, _ = account.make("vpc:Vpc", name="data", region="nyc3", ipRange="10.62.0.0/24")
        account.make("tag:Tag", name="trusted")
        given: dict[str, Any] = {
            "region": "nyc3",
            "size": "db-s-1vcpu-1gb",
            "nodeCount": 1,
            "privateNetworkUuid": network,
        }
        kind = "databaseCluster:DatabaseCluster"
        cluster, postgres = account.make(kind, **given, name="main", engine="pg", version="16")
        cache, valkey = account.make(kind, **given, name="cache", engine="valkey", version="8")
        for database in (cluster, cache):
            trusted = [{"type": "tag", "value": "trusted"}]
            account.make("databaseFirewall:DatabaseFirewall", clusterId=database, rules=trusted)
        hosts = account.droplets(network, {"app": ["trusted"], "other": []}, USER_DATA)
        yield Data(account, hosts, network, plain(postgres), plain(valkey), cluster, given)


def test_a_trusted_host_reaches_postgresql_by_its_password_over_tls(data: Data) -> None:
    """VU2, SF3"""
    url = data.postgres["privateUri"]
    said = data.sql(url, "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert said.stdout == "doadmin|t\n", said.stderr
    assert "no encryption" in data.sql(url.replace("require", "disable"), "select 1").stderr
    assert "password authentication failed" in data.sql(url.replace("@", "x@", 1), "select 1").stderr


def test_postgresqls_certificate_is_by_an_authority_that_has_to_be_asked_for(data: Data) -> None:
    verified = data.postgres["privateUri"].replace("require", "verify-full") + "&sslrootcert="
    assert "certificate verify failed" in data.sql(f"{verified}system", "select 1").stderr
    found = data.account.plugin.invoke(f"{DO}getDatabaseCa:getDatabaseCa", {"clusterId": data.cluster})
    data.account.on(data.hosts["app"], "cat > /root/ca.pem", found["certificate"])
    assert data.sql(f"{verified}/root/ca.pem", "select 1").stdout == "1\n"


def test_a_trusted_host_reaches_valkey_by_its_password_over_tls(data: Data) -> None:
    """VU2, SF4: the certificate is one that the host trusts already; settings are the cloud's."""
    url = data.valkey["privateUri"]
    assert data.cli(url, "SET", "a", "1").endswith("OK")
    assert data.cli(url, "GET", "a").endswith("1")
    assert "NOAUTH" in data.cli(f"rediss://{data.valkey['privateHost']}:{VALKEY}", "GET", "a")
    assert "WRONGPASS" in data.cli(url.replace("@", "x@", 1), "GET", "a")
    assert "NOPERM" in data.cli(url, "CONFIG", "GET", "maxmemory")


def test_nobody_else_gets_through(data: Data) -> None:
    """VU1: not from outside, nor from a host of the same network whose tag is not trusted, until it has it."""
    for made, port in ((data.postgres, PG), (data.valkey, VALKEY)):
        assert data.gets_through("app", made["privateHost"], port)
        assert not reaches(data.account.cloud, made["host"], port)
        assert not data.gets_through("other", made["privateHost"], port)
        assert not data.gets_through("other", made["host"], port)
    given = {"image": "debian-13-x64", "size": "s-1vcpu-1gb", "region": "nyc3", "vpcUuid": data.network}
    changed = {**given, "name": "other", "userData": USER_DATA}
    for tags in (["trusted"], []):
        inputs = {**changed, "tags": tags}
        data.account.plugin.update(f"{DO}droplet:Droplet", data.hosts["other"], changed, inputs)
        assert data.gets_through("other", data.postgres["privateHost"], PG) == bool(tags)


def test_a_user_may_nothing_until_the_administrator_lets_him(data: Data) -> None:
    """As with the real service since PostgreSQL 15: migrations by such a user fail."""
    made = data.account
    made.make("databaseDb:DatabaseDb", clusterId=data.cluster, name="app")
    _, user = made.make("databaseUser:DatabaseUser", clusterId=data.cluster, name="worker")
    admin = data.postgres["privateUri"].replace("/defaultdb", "/app")
    url = admin.replace(f"doadmin:{data.postgres['password']}", f"worker:{plain(user)['password']}")
    assert "permission denied for schema public" in data.sql(url, "create table t (n int)").stderr
    assert data.sql(admin, "grant create on schema public to worker").returncode == 0
    assert data.sql(url, "create table t (n int)").stdout == "CREATE TABLE\n"
    # one who still owns something or may do something stays
    assert data.sql(url, "drop table t").returncode == 0
    assert data.sql(admin, "revoke create on schema public from worker").returncode == 0


def test_a_pool_is_another_port_with_its_own_limit(data: Data) -> None:
    """VU2: by PgBouncer, over TLS, too."""
    kind = "databaseConnectionPool:DatabaseConnectionPool"
    pool = {"name": "short", "dbName": "defaultdb", "user": "doadmin", "mode": "transaction", "size": 2}
    _, made = data.account.make(kind, clusterId=data.cluster, **pool)
    url = plain(made)["privateUri"]
    assert data.sql(url, "select current_database()").stdout == "defaultdb\n"
    assert "SSL required" in data.sql(url.replace("require", "disable"), "select 1").stderr
    script = 'read -r url; for n in 1 2 3 4; do psql "$url" -XAtc "select pg_backend_pid(), pg_sleep(0.5)" & done; wait'
    said = data.account.on(data.hosts["app"], script, f"{url}\n").stdout.splitlines()
    assert len(said) == 4
    assert len(set(said)) == 2, "four clients share two connections"
    assert not data.gets_through("other", made["privateHost"], POOL)


def test_a_replica_reads_what_was_written_and_writes_nothing(data: Data) -> None:
    """VU2"""
    _, replica = data.account.make("databaseReplica:DatabaseReplica", clusterId=data.cluster, name="reader")
    writer, reader = data.postgres["privateUri"], plain(replica)["privateUri"]
    assert data.sql(writer, "create table kept as select 7 as n").returncode == 0
    assert eventually(lambda: data.sql(reader, "select n from kept").stdout == "7\n", 10)
    assert "read-only transaction" in data.sql(reader, "delete from kept").stderr


DOCUMENTS = """import sys, pymongo
client = pymongo.MongoClient(sys.stdin.read().strip(), serverSelectionTimeoutMS=3000)
client.app.things.insert_one({"n": 1})
print(client.app.things.count_documents({}), *client.nodes)
"""


def test_mongodb_is_a_set_that_one_name_leads_to_over_tls(data: Data) -> None:
    """DV6: by the URL that the cluster gives, with the drivers' own verification; a user of the API's may write."""
    made = data.account
    kind = {"name": "documents", "engine": "mongodb", "version": "7"}
    cluster, outputs = made.make("databaseCluster:DatabaseCluster", **data.given, **kind)
    trusted = [{"type": "tag", "value": "trusted"}]
    made.make("databaseFirewall:DatabaseFirewall", clusterId=cluster, rules=trusted)
    _, user = made.make("databaseUser:DatabaseUser", clusterId=cluster, name="worker")
    done = made.on(data.hosts["app"], "python3 -m venv /opt/v && /opt/v/bin/pip install -q pymongo dnspython")
    assert done.returncode == 0, done.stderr

    def insert(url: str) -> CompletedProcess[str]:
        return made.on(data.hosts["app"], f"/opt/v/bin/python -c '{DOCUMENTS}'", url)

    found = plain(outputs)
    url, node = found["privateUri"], (found["privateHost"], 27017)
    assert insert(url).stdout == f"1 {node}\n"
    as_worker = url.replace(f"doadmin:{found['password']}", f"worker:{plain(user)['password']}")
    assert insert(as_worker).stdout == f"2 {node}\n"
    assert "Authentication failed" in insert(url.replace("@", "x@", 1)).stderr
    assert "connection closed" in insert(url.replace("tls=true", "tls=false")).stderr
    assert not data.gets_through("other", *node)
