"""Fleets whose hosts are not all alike: one is new, or off, or can't follow; and the way back of all of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scripts.fleet.protocol import FleetError
from tests.scripts.fake_order import OLD, OLDER, Anything, Scene, asked, now
from tests.scripts.virtual_time import run


def test_a_host_that_goes_off_while_another_works_is_noticed_and_the_others_return_at_once() -> None:
    """Back on the release before within 30 s; the one that is off is named, and undoes it as it boots."""

    async def story() -> None:
        scene = Scene(3)
        scene.fleet.hosts["web-1"].takes = {"migrate": 600}
        went = 0.0

        async def lose() -> None:
            nonlocal went
            await asyncio.sleep(100)
            went = now()
            scene.fleet.hosts["web-3"].on = False

        losing = asyncio.create_task(lose())
        back = asyncio.create_task(returned(scene))
        assert not await scene.run("release")
        await losing
        assert await back - went < 30
        assert "web-3: no route to host" in scene.told()
        await scene.boot()
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    async def returned(scene: Scene) -> float:
        while not asked(scene, "return") or not scene.at_rest():
            await asyncio.sleep(0.1)
        return now()

    run(story())


def test_a_host_that_is_off_is_no_fleet_to_release_on() -> None:
    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-2"].on = False
        assert not await scene.run("release")
        assert asked(scene) == []
        assert "every host answers: no answer from web-2" in scene.told()

    run(story())


def test_a_new_host_gets_what_the_others_serve_and_nothing_else_is_touched() -> None:
    """VU10: 2 -> 3."""

    async def story() -> None:
        scene = Scene(3)
        new = scene.fleet.hosts["web-3"]
        new.live, new.served = None, []
        assert await scene.run("release", version=2)
        assert {name for name, _ in asked(scene)} == {"web-3"}
        assert set(scene.live().values()) == {OLD}
        assert new.migrated == []

    run(story())


def test_a_new_host_takes_part_in_a_release_and_serves_nothing_again_if_it_fails() -> None:
    async def story() -> None:
        scene = Scene(3)
        new = scene.fleet.hosts["web-3"]
        new.live, new.served = None, []
        scene.fleet.hosts["web-2"].sick = Anything()
        assert not await scene.run("release")
        assert scene.live() == {"web-1": OLD, "web-2": OLD, "web-3": None}
        scene.fleet.hosts["web-2"].sick = set()
        assert await scene.run("release")
        assert len(set(scene.live().values())) == 1

    run(story())


def test_a_new_host_that_fails_leaves_the_others_alone() -> None:
    async def story() -> None:
        scene = Scene(3)
        new = scene.fleet.hosts["web-3"]
        new.live, new.served = None, []
        new.sick = {OLD}
        assert not await scene.run("release", version=2)
        assert scene.live() == {"web-1": OLD, "web-2": OLD, "web-3": None}
        assert scene.at_rest()

    run(story())


def test_a_host_that_cannot_follow_a_committed_release_takes_the_others_back() -> None:
    """One version on every host is worth more than the newer one on most."""

    async def story() -> None:
        scene = Scene(3)
        coordinator = scene.coordinator()
        verb = coordinator.calls.verb

        async def meddled(host: str, name: str, *rest: Any) -> Any:
            if (host, name) == ("web-2", "commit"):
                machine = scene.fleet.hosts["web-2"]
                machine.boot()
                machine.sick = Anything()
            return await verb(host, name, *rest)

        coordinator.calls.verb = meddled  # type: ignore[method-assign, assignment]
        assert not await coordinator.release()
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


def test_a_rollback_returns_every_host_to_the_release_before() -> None:
    async def story() -> None:
        scene = Scene(3)
        assert await scene.run("rollback")
        assert set(scene.live().values()) == {OLDER}
        assert {verb for _, verb in asked(scene)} == {"return"}, "nothing is pulled, nothing migrated"

    run(story())


def test_a_rollback_that_one_host_cannot_do_is_done_by_none() -> None:
    async def story() -> None:
        scene = Scene(3)
        scene.fleet.hosts["web-2"].sick = {OLDER}
        assert not await scene.run("rollback")
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


def test_a_rollback_does_not_wait_for_a_host_that_is_off() -> None:
    async def story() -> None:
        scene = Scene(3)
        scene.fleet.hosts["web-3"].on = False
        assert not await scene.run("rollback")
        assert set(scene.live().values()) == {OLDER}
        await scene.boot()
        assert await scene.run("recover")
        assert set(scene.live().values()) == {OLDER}

    run(story())


def test_without_a_release_before_there_is_nothing_to_return_to() -> None:
    async def story() -> None:
        scene = Scene(2)
        for host in scene.fleet.hosts.values():
            host.served = host.served[-1:]
        assert not await scene.run("rollback")
        assert "there is no release before this one" in scene.told()

    run(story())


def test_a_recovery_of_what_is_well_changes_nothing() -> None:
    async def story() -> None:
        scene = Scene(3)
        assert await scene.run("recover")
        assert asked(scene) == []
        assert await scene.run("status")
        scene.fleet.hosts["web-2"].live = OLDER
        assert not await scene.run("status")
        assert asked(scene) == []

    run(story())


def test_all_hosts_are_read_only_or_the_others_are_told_apart() -> None:
    """DV10."""

    async def story() -> None:
        scene = Scene(3)
        assert await scene.coordinator().read_only(True)
        await scene.coordinator().table()
        assert scene.told().count(f"{OLD}, read-only since 2026-11-21T10:00:00Z") == 3
        scene.fleet.hosts["web-2"].on = False
        with pytest.raises(FleetError, match="read-only is off on 2 of 3 hosts alone: web-2: no route to host"):
            await scene.coordinator().read_only(False)
        assert [host.read_only for host in scene.fleet.hosts.values()] == [None, "2026-11-21T10:00:00Z", None]

    run(story())


def test_the_table_names_what_each_host_has() -> None:
    async def story() -> None:
        scene = Scene(3, {"web-1 migrate (after)": "killed"})
        await scene.run("release")
        scene.fleet.hosts["web-3"].on = False
        await scene.coordinator().table()
        lines = scene.out.getvalue().splitlines()[-3:]
        assert lines[0].startswith(f"web-1  {OLD}, ")
        assert "is under way (step migrate)" in lines[0]
        assert lines[2] == "web-3  does not answer"

    run(story())


def test_a_host_that_booted_since_it_switched_is_noticed_before_anything_is_committed() -> None:
    """It has gone back by itself, and was away for too short a time to be missed."""

    async def story() -> None:
        scene = Scene(3)
        scene.fleet.hosts["web-3"].takes = {"switch": 3}
        second = scene.fleet.hosts["web-2"]

        async def blink() -> None:
            while second.live == OLD:
                await asyncio.sleep(0.01)
            second.boot()

        blinking = asyncio.create_task(blink())
        assert not await scene.run("release")
        await blinking
        assert scene.fleet.committed == set()
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


@pytest.mark.parametrize("kind", ["failed", "off"])
def test_a_leader_that_does_not_commit_takes_all_hosts_back(kind: str) -> None:
    async def story() -> None:
        scene = Scene(2, {"web-1 commit (before)": kind})
        assert not await scene.run("release")
        assert scene.fleet.committed == set()
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


def test_a_host_that_is_back_at_once_is_waited_for_after_the_commit() -> None:
    """DV4: forward on all; it had undone what it had not committed."""

    async def story() -> None:
        scene = Scene(3, {"web-2 commit (before)": "rebooted"})
        assert await scene.run("release")
        assert len(scene.live()) == 3
        assert set(scene.live().values()) == scene.fleet.committed
        assert scene.at_rest()

    run(story())


def test_a_host_that_is_off_after_the_commit_is_told_and_follows_by_recover() -> None:
    async def story() -> None:
        scene = Scene(3, {"web-2 commit (before)": "off"})
        assert not await scene.run("release"), "it is not done"
        assert "web-2: no route to host" in scene.told()
        assert set(scene.live().values()) == scene.fleet.committed
        await scene.boot()
        assert scene.live()["web-2"] == OLD, "until then there are two"
        assert await scene.run("recover")
        assert set(scene.live().values()) == scene.fleet.committed
        assert len(scene.live()) == 3

    run(story())


def test_a_recovery_that_one_host_cannot_follow_takes_the_others_back() -> None:
    async def story() -> None:
        scene = Scene(3, {"web-2 commit (before)": "killed"})
        assert await scene.run("release") is None
        third = scene.fleet.hosts["web-3"]
        third.boot()
        third.sick = Anything()
        assert not await scene.run("recover")
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())
