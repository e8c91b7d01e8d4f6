"""The real engine with the stand-in on paper: a fleet behind a balancer, with its databases, from first to last."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from rehearsal.run import Rehearsal
from tests.rehearsal.provider.test_refusals import PUBLIC_KEY

SIZE, REGION = "s-1vcpu-1gb", "nyc3"


class Program:
    """Two hosts, what they need, and who may talk to whom; a test changes its parts between two runs."""

    def __init__(self) -> None:
        self.hosts = 2
        self.domains = ["www.example.com"]

    def __call__(self) -> None:
        import pulumi_digitalocean as digitalocean

        network = digitalocean.Vpc("net", name="net", region=REGION, ip_range="10.70.0.0/24")
        tag = digitalocean.Tag("fleet", name="fleet")
        key = digitalocean.SshKey("key", public_key=PUBLIC_KEY)
        droplets = [
            digitalocean.Droplet(
                f"host-{number}",
                region=REGION,
                size=SIZE,
                image="debian-13-x64",
                vpc_uuid=network.id,
                tags=[tag.name],
                ssh_keys=[key.fingerprint],
            )
            for number in range(1, self.hosts + 1)
        ]
        zone = digitalocean.Domain("zone", name="example.com")
        certificate = digitalocean.Certificate(
            "certificate",
            name=f"site-{len(self.domains)}",
            type="lets_encrypt",
            domains=self.domains,
            opts=pulumi.ResourceOptions(depends_on=[zone], delete_before_replace=False),
        )
        rule = {"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 80}
        secure = {**rule, "entry_protocol": "https", "entry_port": 443, "certificate_name": certificate.name}
        balancer = digitalocean.LoadBalancer(
            "front",
            region=REGION,
            vpc_uuid=network.id,
            droplet_ids=[droplet.id.apply(int) for droplet in droplets],
            forwarding_rules=[rule, secure],
            redirect_http_to_https=True,
            healthcheck={"protocol": "http", "port": 80, "path": "/health", "unhealthy_threshold": 2},
        )
        digitalocean.Firewall(
            "wall",
            tags=[tag.name],
            inbound_rules=[{"protocol": "tcp", "port_range": "80", "source_load_balancer_uids": [balancer.id]}],
            outbound_rules=[{"protocol": "tcp", "port_range": "all", "destination_addresses": ["0.0.0.0/0"]}],
        )
        self.databases(network, tag)
        pulumi.export("address", balancer.ip)

    def databases(self, network: pulumi.CustomResource, tag: pulumi.CustomResource) -> None:
        import pulumi_digitalocean as digitalocean

        for engine, version in (("pg", "17"), ("valkey", "8"), ("mongodb", "7")):
            cluster = digitalocean.DatabaseCluster(
                engine,
                engine=engine,
                version=version,
                size="db-s-1vcpu-2gb",
                region=REGION,
                node_count=1,
                private_network_uuid=network.id,
                tags=["data"],
                maintenance_windows=[{"day": "sunday", "hour": "02:00"}],
            )
            rules = [{"type": "tag", "value": tag.id}]
            digitalocean.DatabaseFirewall(f"{engine}-trust", cluster_id=cluster.id, rules=rules)
            if engine == "pg":
                app = digitalocean.DatabaseDb("app", name="app", cluster_id=cluster.id)
                user = digitalocean.DatabaseUser("worker", name="worker", cluster_id=cluster.id)
                digitalocean.DatabaseConnectionPool(
                    "pool",
                    name="main",
                    cluster_id=cluster.id,
                    db_name=app.name,
                    user=user.name,
                    mode="transaction",
                    size=10,
                )
                digitalocean.DatabaseReplica(
                    "reader", cluster_id=cluster.id, region=REGION, private_network_uuid=network.id
                )
            pulumi.export(f"{engine}-password", cluster.password)


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
def rehearsal(program: Program, tmp_path: Path) -> Iterator[Rehearsal]:
    said: list[str] = []
    with Rehearsal(f"fleet-{secrets.token_hex(3)}", said.append, program, {}, tmp_path).on_paper() as made:
        made.prepare()
        yield made
        if made.workspace.exists:
            made.down()


def test_a_fleet_with_its_databases_is_made_once_and_taken_away_whole(rehearsal: Rehearsal, program: Program) -> None:
    """ALL1, VU10: 2→3→2 hosts replace nothing; a certificate for other names is there before the old one goes."""
    rehearsal.up()
    assert rehearsal.up().nothing_changed
    assert rehearsal.refresh().nothing_changed

    program.hosts = 3
    assert rehearsal.up().changed() == ["front", "host-3"]
    program.hosts = 2
    assert rehearsal.up().changed() == ["front", "host-3"]

    program.domains = ["www.example.com", "example.com"]
    changed = rehearsal.up().changed()
    assert set(changed) == {"certificate", "front"}
    assert rehearsal.up().nothing_changed

    state = "".join(file.read_text() for file in rehearsal.workspace.state_files())
    account = json.loads((rehearsal.workspace.account / "account.json").read_text())
    for engine in ("pg", "valkey", "mongodb"):
        assert rehearsal.outputs()[f"{engine}-password"] not in state
    assert len(account["load_balancers"]) == 1
    rehearsal.destroy()
    left = json.loads((rehearsal.workspace.account / "account.json").read_text())
    assert not {"droplets", "load_balancers", "vpcs", "database_clusters", "paper_servers", "paper_hosts"} & left.keys()
