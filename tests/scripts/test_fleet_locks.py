"""Two who release at once, one who was killed, one who wants to end: who goes on, who is refused, what is returned."""

from __future__ import annotations

import asyncio

import pytest

from scripts.fleet.protocol import StoppedError
from tests.scripts.fake_order import OLD, Scene, now
from tests.scripts.virtual_time import run

VERBS = ("stage", "migrate", "start", "switch", "commit", "finish")


def test_a_second_coordinator_is_refused_with_the_owner_s_name() -> None:
    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-2"].takes = {"stage": 120}
        first = asyncio.create_task(scene.run("release"))
        await asyncio.sleep(40)
        began = now()
        assert not await scene.run("release", version=4, owner="bob")
        assert now() - began < 30, "whether the other lives shows soon"
        assert "release in progress: alice" in scene.told()
        assert await first
        assert scene.fleet.hosts["web-1"].served[-1]["revision"] == "r3"

    run(story())


@pytest.mark.parametrize("returns", ["rollback", "release"])
def test_a_return_that_takes_long_is_not_taken_for_a_dead_one(returns: str) -> None:
    """Of a rollback as of a release that failed: it renews its locks as everything else does."""

    async def story() -> None:
        scene = Scene(2, {"web-2 switch (1)": "failed badly"})
        for host in scene.fleet.hosts.values():
            host.takes = {"return": 120}
        first = asyncio.create_task(scene.run(returns))
        await asyncio.sleep(30)
        began = now()
        assert not await scene.run("release", version=4, owner="bob")
        assert now() - began < 30
        assert "release in progress: alice" in scene.told()
        assert "SIGKILL" not in scene.told()
        assert await first == (returns == "rollback")
        assert len(set(scene.live().values())) == 1
        assert scene.at_rest()

    run(story())


def test_of_two_that_begin_at_once_one_gets_all_hosts() -> None:
    async def story() -> None:
        scene = Scene(3)
        both = await asyncio.gather(scene.run("release", version=3), scene.run("release", version=4, owner="bob"))
        assert sorted(map(bool, both)) == [False, True]
        assert len(set(scene.live().values())) == 1
        assert OLD not in scene.live().values()
        assert scene.at_rest()

    run(story())


def test_what_was_taken_before_another_is_met_is_given_back() -> None:
    """Somebody releases on the second host alone."""

    async def story() -> None:
        scene = Scene(2)

        def met(name: str) -> None:
            scene.fleet.hosts[name].lock = {"owner": "bob", "fleet": "", "expires": float("inf")}

        asyncio.get_running_loop().call_later(0.03, met, "web-2")
        assert not await scene.run("release")
        assert "release in progress: bob" in scene.told()
        assert scene.fleet.hosts["web-1"].lock is None
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


def test_a_lock_is_waited_for_whose_owner_was_killed() -> None:
    async def story() -> None:
        scene = Scene(2, {"web-1 migrate (after)": "killed"})
        assert await scene.run("release") is None
        began = now()
        assert await scene.run("release", owner="bob")
        assert 10 < now() - began < 30
        assert "held by alice: waiting" in scene.told()
        assert OLD not in scene.live().values()

    run(story())


def test_a_verb_that_outlives_its_killed_coordinator_is_ended_once_the_lock_s_time_is_over() -> None:
    """A long migration, say: whoever comes next need not wait for it."""

    async def story() -> None:
        scene = Scene(2, {"web-1 migrate (after)": "killed"})
        assert await scene.run("release") is None
        leader = scene.fleet.hosts["web-1"]
        leader.running = leader.turn
        began = now()
        assert await scene.run("release", owner="bob")
        assert 15 < now() - began < 40
        assert "web-1: alice is gone, what still runs of it is ended" in scene.told()
        assert OLD not in scene.live().values()

    run(story())


def test_a_release_of_one_host_alone_is_not_waited_for() -> None:
    """It ends with its process, and nobody can say when."""

    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-2"].lock = {"owner": "carol", "fleet": "", "expires": None}
        assert not await scene.run("release")
        assert now() < 5
        assert "release in progress: carol (`make recover STACK=… TAKE_OVER=1` ends and undoes it)" in scene.told()

    run(story())


def test_a_lock_is_taken_over_on_purpose() -> None:
    """The one that has lost it stops, and undoes nothing that is the other's."""

    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-1"].takes = {"migrate": 60}
        first = asyncio.create_task(scene.run("release"))
        await asyncio.sleep(20)
        began = now()
        assert await scene.run("release", version=4, owner="bob", take_over=True)
        assert now() - began < 90
        assert not await first
        assert {host.served[-1]["revision"] for host in scene.fleet.hosts.values()} == {"r4"}
        assert scene.at_rest()

    run(story())


@pytest.mark.parametrize("seconds", range(0, 60, 4))
def test_a_wish_to_end_is_a_failure_before_the_commit_and_nothing_after(seconds: int) -> None:
    async def story() -> None:
        scene = Scene(2)
        for host in scene.fleet.hosts.values():
            host.takes = dict.fromkeys(VERBS, 6.5)
        asyncio.get_running_loop().call_later(seconds, lambda: scene.alarm.ring(StoppedError("interrupted by SIGTERM")))
        done = await scene.run("release")
        assert done == bool(scene.fleet.committed)
        assert (set(scene.live().values()) == {OLD}) == (not done)
        assert len(set(scene.live().values())) == 1
        assert scene.at_rest()
        assert done or "interrupted by SIGTERM" in scene.told()

    run(story())


def test_some_of_the_wishes_to_end_come_in_time_and_some_do_not() -> None:
    """The test above would be half a test otherwise."""

    async def committed_after(seconds: float) -> bool:
        scene = Scene(2)
        for host in scene.fleet.hosts.values():
            host.takes = dict.fromkeys(VERBS, 6.5)
        running = asyncio.create_task(scene.run("release"))
        await asyncio.sleep(seconds)
        committed = bool(scene.fleet.committed)
        await running
        return committed

    assert not run(committed_after(28))
    assert run(committed_after(48))
