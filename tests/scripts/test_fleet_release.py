"""A fleet's release, hour by hour in virtual time: who is asked what and when, who is refused, what is told."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from scripts.fleet.protocol import StoppedError
from tests.scripts.fake_order import OLD, OLDER, Scene, facts, request
from tests.scripts.virtual_time import run

VERBS = ("stage", "migrate", "start", "switch", "commit", "finish")


def asked(scene: Scene, *verbs: str) -> list[tuple[str, str]]:
    """What hosts were asked, in order; without verbs: all that changes something."""
    return [call for call in scene.fleet.asked if call[1] in (verbs or (*VERBS, "return"))]


def now() -> float:
    return asyncio.get_running_loop().time()


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


class Anything(set[str]):
    """Every release is in here."""

    def __contains__(self, item: object) -> bool:
        return item not in (OLD, OLDER)


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


def test_a_host_that_is_off_is_no_fleet_to_release_on() -> None:
    async def story() -> None:
        scene = Scene(2)
        scene.fleet.hosts["web-2"].on = False
        assert not await scene.run("release")
        assert asked(scene) == []
        assert "every host answers: no answer from web-2" in scene.told()

    run(story())


def test_a_migration_that_the_release_before_cannot_live_with_is_refused() -> None:
    async def story() -> None:
        scene = Scene(2)
        coordinator = scene.coordinator()
        breaking = {**request(3), "not_backward_compatible": ["migrate"]}
        object.__setattr__(coordinator.calls.order, "request", breaking)
        with pytest.raises(Exception, match="not backward compatible by the stack file: jobs migrate"):
            await coordinator.release()
        assert asked(scene) == []

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
