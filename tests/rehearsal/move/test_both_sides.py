"""The printed commands find two stacks of one account, with the real engine and CLI, and a cloud on paper (DV10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from plan.moving.derive import make_move
from plan.moving.move import Move
from rehearsal.move.operator import Operator, new_key
from rehearsal.provider.store import Store
from rehearsal.run import Rehearsal


def program() -> None:
    """The names of a stack, and what an operator asks it for."""
    import pulumi_digitalocean as digitalocean

    address = "192.0.2.1" if pulumi.get_stack() == "devora-vps" else "192.0.2.2"
    dns = pulumi.Config("slipway").require_object("dns")
    zone = [digitalocean.Domain("zone", name="devora.ai")] if dns.get("create_zone") else []
    if dns.get("records", True):
        after = pulumi.ResourceOptions(depends_on=zone)
        ttl = dns.get("ttl", 300)
        digitalocean.DnsRecord("record", domain="devora.ai", type="A", name="@", value=address, ttl=ttl, opts=after)
    pulumi.export("login", f"ssh ops@{address}")
    pulumi.export("known_hosts", f"{address} ssh-ed25519 AAAA")
    pulumi.export("address", address)


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Rehearsal, Rehearsal]]:
    """Devora's old stack up, the new one not yet."""
    changes = {"access.ssh_keys": [new_key(tmp_path / "operator")]}
    made = Rehearsal("devora-vps", print, program, home=tmp_path, changes=changes).on_paper()
    beside = Rehearsal("devora-fleet", print, program, home=tmp_path, beside=made, changes=changes).on_paper()
    with made as old, beside as new:
        old.up()
        new.prepare()
        yield old, new


def names(side: Rehearsal) -> dict[str, int]:
    """The addresses that the product's name leads to, each with its seconds."""
    known = Store(side.workspace.account).read()["paper_names"]
    return {name.split()[-1]: record["ttl"] for name, record in known.items()}


def test_secrets_are_handed_over_and_names_move(sides: tuple[Rehearsal, Rehearsal], tmp_path: Path) -> None:
    old, new = sides
    move: Move = make_move("devora-vps", "devora-fleet")
    prepare, make, *_, cutover, _ = move.steps
    with Operator(tmp_path / "operator", sides, "") as operator:

        def said(line: str) -> str:
            ran = operator.run(line)
            assert ran.code == 0, f"{line}: {ran.said}"
            return ran.said.strip()

        for line in (*prepare.commands, *make.commands):
            said(line)
        assert said('echo "$OLD $NEW $AT"') == "192.0.2.1 192.0.2.2 192.0.2.2"
        assert said("wc -l < ~/.ssh/known_hosts") == "2"
        one, two = (said(f"pulumi config get slipway:REGISTRY_TOKEN -s {side.stack} | sha256sum") for side in sides)
        assert one == two
        assert names(new) == {"192.0.2.1": 60}
        for line in cutover.commands[:-1]:
            said(line)
        said("move_names")
        assert names(old) == {"192.0.2.2": 300}
        refused = operator.run("make read-only STACK=devora-fleet ON=1")
        assert refused.code != 0
        assert "the stack devora-fleet has released on no fleet yet" in refused.said
