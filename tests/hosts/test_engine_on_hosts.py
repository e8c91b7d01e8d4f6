"""The real engine makes a host, talks to it over SSH, finds it changed, and takes everything away again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from hostfiles import cloud_init
from rehearsal.run import Rehearsal, RehearsalError

PASSWORD = secrets.token_urlsafe(24)


class Program:
    """One host behind a firewall that runs one command; a test changes its parts between two runs."""

    def __init__(self) -> None:
        self.command = "cat > secret && hostname"
        self.admin: list[str] = []

    def __call__(self) -> None:
        import pulumi_digitalocean as digitalocean
        import pulumi_tls as tls
        from pulumi_command import remote

        login, host_key = (tls.PrivateKey(name, algorithm="ED25519") for name in ("login", "host-key"))
        keys = pulumi.Output.all(login.public_key_openssh, host_key.private_key_openssh, host_key.public_key_openssh)
        network = digitalocean.Vpc("net", region="nyc3", ip_range="10.77.0.0/24")
        tag = digitalocean.Tag("tag", name="toy")
        wall = digitalocean.Firewall(
            "wall",
            tags=[tag.name],
            inbound_rules=[{"protocol": "tcp", "port_range": "22", "source_addresses": self.admin}],
            outbound_rules=[{"protocol": "tcp", "port_range": "all", "destination_addresses": ["0.0.0.0/0"]}],
        )
        host = digitalocean.Droplet(
            "host",
            name="toy-host",
            region="nyc3",
            size="s-1vcpu-1gb",
            image="ubuntu-24-04-x64",
            vpc_uuid=network.id,
            tags=[tag.name],
            ssh_keys=[digitalocean.SshKey("key", public_key=login.public_key_openssh).fingerprint],
            user_data=keys.apply(lambda made: cloud_init.user_data(*made)),
            opts=pulumi.ResourceOptions(depends_on=[wall]),
        )
        ran = remote.Command(
            "ran",
            connection=remote.ConnectionArgs(
                host=host.ipv4_address,
                user="deploy",
                private_key=login.private_key_openssh,
                host_key=host_key.public_key_openssh.apply(str.strip),
                dial_error_limit=60,
            ),
            create=self.command,
            stdin=pulumi.Output.secret(PASSWORD),
            triggers=[host.id],
        )
        pulumi.export("said", ran.stdout)
        pulumi.export("address", host.ipv4_address)


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def rehearsal(program: Program, said: list[str], tmp_path: Path) -> Iterator[Rehearsal]:
    with Rehearsal(f"toy-{secrets.token_hex(3)}", said.append, program, {}, tmp_path) as made:
        made.cloud.prepare()
        program.admin = [f"{made.cloud.admin_address}/32"]
        yield made
        if made.workspace.exists:
            made.down()


@pytest.mark.hosts
def test_a_host_is_made_spoken_to_and_taken_away(
    rehearsal: Rehearsal, program: Program, said: list[str], tmp_path: Path
) -> None:
    """ALL1, ALL3: made, the same, a changed command, a failing one, a host that somebody deleted, nothing left."""
    rehearsal.up()
    address = rehearsal.outputs()["address"]
    assert rehearsal.outputs()["said"] == "toy-host"
    assert rehearsal.connections() == {address: 1}
    host = rehearsal.host("toy-host")
    assert rehearsal.cloud.exec(host.id, ["cat", "/home/deploy/secret"]).stdout == PASSWORD
    assert PASSWORD not in "".join(file.read_text() for file in rehearsal.workspace.state_files())

    assert rehearsal.up().nothing_changed
    assert rehearsal.connections() == {address: 1}

    program.command = "echo half way; exit 7"
    with pytest.raises(RehearsalError, match="Process exited with status 7"):
        rehearsal.up()
    assert any("half way" in line for line in said)
    program.command = "echo well again"
    assert rehearsal.up().changed() == ["ran"]

    program.admin = ["203.0.113.7/32"]
    assert rehearsal.up().changed() == ["wall"]

    rehearsal.cloud.delete_host(host.id)
    assert "host" in rehearsal.refresh().changed()

    rehearsal.down()
    assert rehearsal.cloud.hosts() == []
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
