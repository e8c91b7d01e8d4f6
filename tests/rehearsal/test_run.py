"""The real engine over the stand-ins, with a cloud on paper: up, again, changed, failed, drifted, destroyed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from rehearsal.run import Rehearsal, RehearsalError

PASSWORD = secrets.token_urlsafe(24)


class Toy:
    """A program whose parts a test can change between two runs of it."""

    def __init__(self) -> None:
        self.admin = "203.0.113.7/32"
        self.size = "s-2vcpu-4gb"
        self.image = "ubuntu-24-04-x64"

    def __call__(self) -> None:
        import pulumi_digitalocean as digitalocean
        import pulumi_random as random
        import pulumi_tls as tls

        key = tls.PrivateKey("key", algorithm="ED25519")
        network = digitalocean.Vpc(
            "net", region="nyc3", ip_range="10.20.0.0/24", opts=pulumi.ResourceOptions(protect=True)
        )
        login = digitalocean.SshKey("login", public_key=key.public_key_openssh)
        password = random.RandomPassword("password", length=20)
        host = digitalocean.Droplet(
            "web",
            name="web",
            region="nyc3",
            size=self.size,
            image=self.image,
            vpc_uuid=network.id,
            ssh_keys=[login.fingerprint],
            user_data=pulumi.Output.secret(f"#cloud-config\n# {PASSWORD}\n"),
        )
        digitalocean.Firewall(
            "wall",
            droplet_ids=[host.id.apply(int)],
            inbound_rules=[{"protocol": "tcp", "port_range": "22", "source_addresses": [self.admin]}],
            outbound_rules=[{"protocol": "tcp", "port_range": "all", "destination_addresses": ["0.0.0.0/0"]}],
        )
        pulumi.export("address", host.ipv4_address)
        pulumi.export("password", password.result)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def rehearsal(toy: Toy, said: list[str], tmp_path: Path) -> Iterator[Rehearsal]:
    config = {"slipway:product": {"environment": {"TOKEN": {"secret": "API_TOKEN"}}}, "slipway:OLD": {"secure": "v1:x"}}
    with Rehearsal("toy", said.append, toy, config, tmp_path).on_paper() as made:
        yield made
        if made.workspace.exists:
            made.down()


def _account(rehearsal: Rehearsal) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((rehearsal.workspace.account / "account.json").read_text())
    return document


def test_a_stack_is_made_stays_the_same_changes_and_goes(
    rehearsal: Rehearsal, toy: Toy, said: list[str], tmp_path: Path
) -> None:
    """ALL1"""
    first = rehearsal.up()
    assert first.changes["create"] == 7
    assert {"net", "web", "wall"} <= set(first.changed())
    assert rehearsal.outputs()["address"] == "198.51.100.10"
    assert rehearsal.up().nothing_changed
    assert not rehearsal.refresh().changed()
    toy.admin = "198.51.100.0/24"
    assert rehearsal.up().changed() == ["wall"]
    inbound = [host["inbound"] for host in _account(rehearsal)["paper_hosts"].values()]
    assert inbound == [[{"protocol": "tcp", "ports": "22", "others": ["198.51.100.0/24"]}]]
    rehearsal.down()
    assert any("unprotecting Vpc net" in line for line in said)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_no_secret_lies_in_the_state_in_clear(rehearsal: Rehearsal) -> None:
    """ALL3"""
    rehearsal.up()
    text = "".join(file.read_text() for file in rehearsal.workspace.state_files())
    assert PASSWORD not in text
    assert "PRIVATE KEY" not in text
    assert rehearsal.outputs()["password"] not in text
    assert "ssh-ed25519" in text  # the search does see what is not secret


def test_the_state_is_files_that_are_replaced_whole(rehearsal: Rehearsal) -> None:
    """SF5: a stack that reads its own outputs while the engine writes finds them, and not half of them."""
    rehearsal.up()
    names = [file.name for file in rehearsal.workspace.state_files()]
    assert "toy.json" in names
    assert [name for name in names if name.endswith(".attrs")] == []  # written in place, read before each file


def test_every_secret_that_the_stack_names_is_made_here(rehearsal: Rehearsal) -> None:
    rehearsal.prepare()
    config = rehearsal.workspace.read_config()
    assert set(config["slipway:API_TOKEN"]) == {"secure"}
    assert "slipway:OLD" not in config  # encrypted for somebody else
    assert rehearsal.workspace.stack_file.stat().st_mode & 0o077 == 0


def test_what_fails_half_way_goes_on_where_it_stopped(rehearsal: Rehearsal, toy: Toy) -> None:
    toy.size = "s-3vcpu-5gb"
    with pytest.raises(RehearsalError, match="You specified an invalid size for Droplet creation"):
        rehearsal.up()
    toy.size = "s-2vcpu-4gb"
    assert {"web", "wall"} <= set(rehearsal.up().changed())
    assert rehearsal.up().nothing_changed


def test_another_image_replaces_the_machine_and_what_hangs_on_it_follows(rehearsal: Rehearsal, toy: Toy) -> None:
    rehearsal.up()
    toy.image = "debian-13-x64"
    assert rehearsal.up().changed() == ["wall", "web"]
    assert len(_account(rehearsal)["paper_hosts"]) == 1


def test_a_droplet_that_somebody_deleted_is_found_missing_and_made_again(rehearsal: Rehearsal) -> None:
    rehearsal.up()
    document = _account(rehearsal)
    document["paper_hosts"] = {}
    (rehearsal.workspace.account / "account.json").write_text(json.dumps(document))
    assert "web" in rehearsal.refresh().changed()
    assert "web" in rehearsal.up().changed()


def test_a_preview_makes_nothing(rehearsal: Rehearsal) -> None:
    assert rehearsal.preview().changes["create"] == 7
    assert not (rehearsal.workspace.account / "account.json").exists()


def test_a_share_is_refused_before_anything_is_made(toy: Toy, tmp_path: Path) -> None:
    with Rehearsal("toy", print, toy, {"slipway:architecture": {"share": 50}}, tmp_path) as shared:
        with pytest.raises(RehearsalError, match=r"^slipway:architecture.share: the local cloud has no shares"):
            shared.up()
        assert not shared.workspace.directory.exists()


def test_two_at_once_are_kept_apart(rehearsal: Rehearsal, toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="another process"), Rehearsal("toy", print, toy, {}, tmp_path):
        pass
