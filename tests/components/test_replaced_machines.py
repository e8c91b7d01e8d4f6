"""A machine with a volume, by the real engine with a cloud on paper: what is done before it goes, in which order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pulumi.automation import CommandError, EngineEvent

from components import unmounting
from components.droplet import Droplet, DropletArgs
from components.fleet_release import Member
from components.keys import Keys
from components.leaving import Leaving
from components.unmounting import Unmounting
from rehearsal.run import Rehearsal
from tests.rehearsal.provider.test_refusals import PUBLIC_KEY


class Program:
    """A machine with a volume, behind a balancer that is not there."""

    def __init__(self) -> None:
        self.volume = 30
        self.more = False

    def __call__(self) -> None:
        import pulumi_digitalocean as digitalocean
        import pulumi_random as random

        if self.more:
            random.RandomPassword("more", length=20)
        network = digitalocean.Vpc("net", name="net", region="nyc3", ip_range="10.70.0.0/24")
        login = digitalocean.SshKey("login", public_key=PUBLIC_KEY)
        args = DropletArgs(
            region="nyc3",
            size="s-1vcpu-1gb",
            image="debian-13-x64",
            network_id=network.id,
            user_data="#cloud-config\n",
            login_key=login.fingerprint,
            tags=[],
            volume=self.volume,
            reserved_address=False,
        )
        machine = Droplet("data-1", args)
        assert machine.attachment is not None
        Leaving("data-1-leaving", machine.id, 0)
        host = Member("data-1", machine.own_address, "ssh-ed25519 AAAA")
        Unmounting("data-1-unmounting", host, machine.attachment, Keys("keys"))


@pytest.fixture(scope="module")
def program() -> Program:
    return Program()


@pytest.fixture(scope="module")
def rehearsal(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    said: list[str] = []
    with (
        pytest.MonkeyPatch.context() as patch,
        Rehearsal("toy", said.append, program, {}, tmp_path_factory.mktemp("replaced")).on_paper() as made,
    ):
        patch.setattr(unmounting, "COORDINATOR", "echo")  # no host runs
        made.up()
        yield made
        made.down()


def _replaced(rehearsal: Rehearsal, name: str) -> list[str]:
    """What the engine has done once it has replaced a resource, in its order: the operation, and the resource."""
    urn = next(one["urn"] for one in rehearsal.resources() if one["urn"].endswith(f"::{name}"))
    events: list[EngineEvent] = []
    assert rehearsal._engine is not None
    rehearsal._engine.up(replace=[urn], on_event=events.append)
    done = [event.res_outputs_event.metadata for event in events if event.res_outputs_event is not None]
    return [f"{one.op.value} {one.urn.rpartition('::')[2]}" for one in done]


def test_the_old_machine_is_left_and_lets_its_volume_go_before_another_has_it(rehearsal: Rehearsal) -> None:
    """VU10, ALL4"""
    done = _replaced(rehearsal, "data-1-droplet")
    wanted = [
        "create-replacement data-1-droplet",
        "delete-replaced data-1-unmounting-order",
        "delete-replaced data-1-volume-attachment",
        "create-replacement data-1-volume-attachment",
        "create-replacement data-1-unmounting-order",
        "delete-replaced data-1-leaving-wait",
        "delete-replaced data-1-droplet",
    ]
    assert [line for line in done if line in wanted] == wanted
    assert rehearsal.up().nothing_changed


def test_a_volume_that_would_shrink_is_told_before_anything_is_made(rehearsal: Rehearsal, program: Program) -> None:
    program.volume, program.more = 20, True
    assert rehearsal._engine is not None
    wanted = r"data-1-volume has 30 GiB and can't shrink to 20: keep 30 in the stack file"
    with pytest.raises(CommandError, match=wanted):
        rehearsal._engine.preview()
    program.volume = 40
    assert rehearsal.up().changed() == ["data-1-volume", "more"]
