"""A fleet's release, minute by minute in virtual time: who is asked what and when, and what is told."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.scripts.fake_order import OLD, Anything, Scene, asked, facts, now, request
from tests.scripts.virtual_time import run


def test_stages_everywhere_migrates_once_switches_host_by_host_and_commits_before_it_finishes() -> None:
    """DV4: the leader's commit decides, so it comes alone."""

    async def story() -> None:
        scene = Scene(3)
        assert await scene.run("release")
        one, two, three = scene.names
        assert asked(scene) == [
            *((name, "stage") for name in scene.names),
            (one, "migrate"),
            *((name, "start") for name in scene.names),
            *((name, "switch") for name in scene.names),
            (one, "commit"), (two, "commit"), (three, "commit"),
            *((name, "finish") for name in scene.names),
        ]  # fmt: skip
        assert len(set(scene.live().values()) - {OLD}) == 1
        assert [host.migrated for host in scene.fleet.hosts.values()] == [[scene.live()[one]], [], []]
        assert scene.at_rest()

    run(story())


def test_a_secret_in_a_log_of_one_host_takes_all_of_them_back() -> None:
    """VU9: logs are read, shipped and kept by many."""

    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-2"].leaking = "services.api writes SECRET_KEY into its log"
        assert not await scene.run("release")
        assert "no secret is in the logs on web-2: services.api writes SECRET_KEY into its log" in scene.told()
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()

    run(story())


def test_what_serves_already_is_said_and_nothing_is_changed() -> None:
    async def story() -> None:
        scene = Scene(3)
        assert await scene.run("release", version=2)
        assert asked(scene) == []
        assert "already serving on every host" in scene.told()

    run(story())


def test_other_variables_of_the_same_images_are_another_release() -> None:
    async def story() -> None:
        scene = Scene(2)
        for host in scene.fleet.hosts.values():
            host.served[-1] = {**facts(OLD, 2), "revision": "of other variables"}
        assert await scene.run("release", version=2)
        assert OLD not in scene.live().values()

    run(story())


def test_a_fleet_s_time_does_not_grow_with_its_hosts() -> None:
    """Staging and starting are side by side, switching is not."""

    async def seconds(size: int) -> float:
        scene = Scene(size)
        for host in scene.fleet.hosts.values():
            host.takes = {"stage": 100, "start": 20, "switch": 1}
        began = now()
        assert await scene.run("release")
        return now() - began

    one, thirty = run(seconds(1)), run(seconds(30))
    assert one == pytest.approx(121, abs=2)
    assert thirty - one == pytest.approx(29, abs=5)


def test_a_failure_returns_every_host_and_shows_the_last_lines_of_the_one_that_failed() -> None:
    """VU5: an unhealthy digest on the second host only."""

    async def story() -> None:
        scene = Scene(3)
        scene.fleet.hosts["web-2"].sick = Anything()
        assert not await scene.run("release")
        assert set(scene.live().values()) == {OLD}
        assert scene.at_rest()
        assert [name for name, verb in asked(scene, "return")] == scene.names
        assert "the release failed: web-2: answered 503\n    Traceback\n    ValueError: no such setting" in scene.told()

    run(story())


def test_a_migration_that_the_release_before_cannot_live_with_is_refused() -> None:
    async def story() -> None:
        scene = Scene(2)
        coordinator = scene.coordinator()
        breaking = {**request(3), "backward_compatible": {"migrate": False}}
        object.__setattr__(coordinator.calls.order, "request", breaking)
        with pytest.raises(
            Exception, match="not backward compatible, and to be split in two releases, by the stack file: jobs migrate"
        ):
            await coordinator.release()
        assert asked(scene) == []

    run(story())


def test_visitors_that_meet_more_errors_than_before_return_the_release() -> None:
    """VU9: error rate and p95 against before."""

    async def story() -> None:
        scene = Scene(3)
        for host in scene.fleet.hosts.values():
            host.traffic = {"requests": 5000, "error_rate": 0.0, "p95_seconds": 0.1}
        first = scene.fleet.hosts["web-1"]
        asyncio.get_running_loop().call_later(
            0.2, lambda: setattr(first, "traffic", {"requests": 500, "error_rate": 0.2, "p95_seconds": 0.1})
        )
        for host in scene.fleet.hosts.values():
            host.takes = {"stage": 1}
        assert not await scene.run("release")
        assert "web-1: 20.0% of the requests fail, 0.0% before" in scene.told()
        assert set(scene.live().values()) == {OLD}
        assert ("web-2", "switch") not in asked(scene, "switch"), "one host was enough to see it"

    run(story())


def test_visitors_are_waited_for_only_for_a_while() -> None:
    async def story() -> None:
        scene = Scene(2)
        for host in scene.fleet.hosts.values():
            host.traffic = {"requests": 5000, "error_rate": 0.0, "p95_seconds": 0.1}
            host.takes = {"stage": 1}
        quiet = {"requests": 3, "error_rate": 1.0, "p95_seconds": 9.0}
        for host in scene.fleet.hosts.values():
            asyncio.get_running_loop().call_later(0.5, setattr, host, "traffic", quiet)
        began = now()
        assert await scene.run("release"), "three visitors say nothing"
        assert now() - began < 20

    run(story())


def test_long_work_shows_a_sign_of_life_every_few_seconds() -> None:
    async def story() -> None:
        scene = Scene(1)
        scene.fleet.hosts["web-1"].takes = {"stage": 31}
        coordinator = scene.coordinator()
        ticking = asyncio.create_task(coordinator.progress.tick())
        assert await coordinator.release()
        ticking.cancel()
        signs = [line for line in scene.out.getvalue().splitlines() if line.startswith("…")]
        assert 5 <= len(signs) <= 6
        assert re.fullmatch(r"… web-1: stage \([56] s\)", signs[0])

    run(story())
