"""A host that takes connections, on which nothing comes to an end (a disk that hangs, say): it holds up nobody else."""

from __future__ import annotations

import asyncio

import pytest

from tests.scripts.fake_order import OLD, OLDER, Scene, asked, now
from tests.scripts.virtual_time import run

BEARABLE_SECONDS = 300.0


async def _stall(scene: Scene, host: str, verb: str) -> None:
    """From the moment at which it is asked for `verb`."""
    while (host, verb) not in asked(scene):
        await asyncio.sleep(0.005)
    scene.fleet.hosts[host].stalled = True


@pytest.mark.parametrize("verb", ["stage", "migrate", "start", "switch", "commit"])
def test_a_leader_that_stalls_before_it_has_committed_takes_the_others_back(verb: str) -> None:
    async def story() -> None:
        scene = Scene(3)
        for host in scene.fleet.hosts.values():
            host.takes = {verb: 2}
        stalling = asyncio.create_task(_stall(scene, "web-1", verb))
        assert not await scene.run("release")
        await stalling
        assert now() < BEARABLE_SECONDS
        others = {name: live for name, live in scene.live().items() if name != "web-1"}
        assert set(others.values()) == {OLD}
        assert not any(scene.fleet.hosts[name].state for name in others)
        assert "web-1: does not answer any more" in scene.told()
        scene.fleet.hosts["web-1"].stalled = False
        assert await scene.run("recover")
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


@pytest.mark.parametrize(("command", "verb", "serves"), [("release", "finish", None), ("rollback", "return", OLDER)])
def test_a_host_that_stalls_where_there_is_no_way_back_is_told_and_follows(
    command: str, verb: str, serves: str | None
) -> None:
    async def story() -> None:
        scene = Scene(3)
        stalling = asyncio.create_task(_stall(scene, "web-2", verb))
        assert not await scene.run(command)
        await stalling
        assert now() < BEARABLE_SECONDS
        new = scene.live()["web-1"]
        assert new not in (OLD, *([OLDER] if serves is None else []))
        assert scene.live()["web-3"] == new
        assert "web-2: does not answer any more" in scene.told()
        scene.fleet.hosts["web-2"].stalled = False
        await scene.run("recover")
        assert set(scene.live().values()) == {new}
        assert scene.at_rest()

    run(story())
