"""The release state machine: with trouble at any point of any step one release serves after; the ledger says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.host.coordinator import ReleaseError
from scripts.host.ledger import Ledger
from scripts.host.lock import Lock, LockError
from scripts.host.run import HostError
from scripts.host.state import STEPS, StateFile
from tests.host_scripts.fake_effects import CrashError, Trouble
from tests.host_scripts.fake_releases import NEW, OLD, Stage, assert_one_serves, points, stages

SCENARIOS = ("first", "second", "third", "rerouted", "rollback", "rebuilt")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_release_without_trouble_serves_alone(place: Path, scenario: str) -> None:
    """FF8: API, worker, beat in this order, each after what it needs answers; migrations once and after the builds."""
    stage = Stage(place, scenario)
    assert stage.run() == "released"
    assert_one_serves(stage, scenario)
    began = [name.removesuffix(" (before)") for name in stage.trouble.passed if name.endswith("(before)")]
    order = ["start web", "healthy", "start worker", "ready worker", "start scheduler", "ready scheduler", "switch"]
    assert [name for name in began if name in order] == order
    if stage.kind == "release":
        assert stage.effects.migrated == [f"{NEW} before-switch", f"{NEW} after-switch"]
        assert began.index("build") < began.index("jobs before-switch") < began.index("start web")
    else:
        assert stage.effects.migrated == []
    assert ("build" in began) == (not stage.kept)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_failure_at_any_point_leaves_one_release_serving(place: Path, scenario: str) -> None:
    """FF8: failing anywhere leaves the old release serving; only what comes after its end is told and not undone."""
    for where, stage in stages(place, scenario, "fail"):
        outcome = stage.run()
        assert_one_serves(stage, where)
        late = any(piece in where for piece in ("prune", "stop all")) and "verify (after)" in stage.trouble.passed
        assert outcome == ("released" if late else "failed"), where


@pytest.mark.parametrize("cold", [False, True], ids=["killed", "powered off"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_release_that_dies_at_any_point_is_finished_or_undone(place: Path, scenario: str, cold: bool) -> None:
    """Before the switch it is undone, from the switch on it is finished; a release can follow at once."""
    for where, stage in stages(place, scenario, "crash"):
        begun = "record started (before)" in stage.trouble.passed or stage.run() == "killed"
        assert begun, where
        passed = list(stage.trouble.passed)
        known = StateFile(stage.directory).load()
        stage.recover(cold)
        if known is None and "switch (after)" not in passed:
            assert "record state" in where, where  # it died before it had written down anything
            continue
        assert_one_serves(stage, where)
        finished = stage.effects.live is not None and stage.effects.slots[stage.effects.live] == stage.release
        assert finished == (known is None or STEPS.index(known.step) >= STEPS.index("switch")), where


@pytest.mark.parametrize("scenario", ["rerouted", "rollback"])
def test_a_recovery_that_dies_is_recovered_from(place: Path, scenario: str) -> None:
    """Whatever undoes or finishes can die at any of its points, too."""
    for first in range(0, len(points(place, scenario)), 3):
        second = 0
        while True:
            stage = Stage(place / f"{first}-{second}", scenario)
            stage.trouble.kind, stage.trouble.at = "crash", first
            stage.run()
            if StateFile(stage.directory).load() is None:
                break
            stage.trouble.passed, stage.trouble.at = [], second
            try:
                stage.recover(cold=False)
            except CrashError:
                stage.trouble.at = -1
                stage.recover(cold=False)
                assert_one_serves(stage, f"{scenario}: killed at {first}, then at {second}")
                second += 1
                continue
            break


@pytest.mark.parametrize("scenario", ["first", "third", "rerouted", "rollback"])
def test_a_return_that_dies_is_gone_on_with(place: Path, scenario: str) -> None:
    """Once a release has failed it is undone, even if the interruption comes after the switch."""
    number = 0
    while True:
        stage = Stage(place / str(number), scenario)
        stage.effects.refuses_at_nginx = True
        stage.trouble.kind, stage.trouble.at = "crash", number
        if stage.run() == "failed":
            break
        if "verify (before)" in stage.trouble.passed:
            stage.recover(cold=False)
            stage.effects.refuses_at_nginx = False
            assert stage.effects.live is None or stage.effects.slots[stage.effects.live] != stage.release
            assert_one_serves(stage, f"{scenario}: killed at {stage.trouble.passed[number]}")
        number += 1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nginx_is_reloaded_once_and_only_for_other_routes(place: Path, scenario: str) -> None:
    """FF8: a reload can lose a request on a kept connection, so that a release without other routes has none."""
    stage = Stage(place, scenario)
    assert stage.run() == "released"
    assert stage.effects.reloads == (0 if scenario in ("second", "third") else 1)
    began = [name for name in stage.trouble.passed if name in ("switch (after)", "follow (before)", "verify (before)")]
    assert began == ["switch (after)", "follow (before)", "verify (before)"]


def test_a_release_that_fails_before_the_switch_leaves_nginx_alone(place: Path) -> None:
    """FF8: the build of a release with other routes goes wrong, and no visitor feels it."""
    stage = Stage(place, "rerouted")
    stage.effects.sick.add(NEW)
    assert stage.run() == "failed"
    assert stage.effects.reloads == 0
    assert_one_serves(stage, "sick")


@pytest.mark.parametrize("scenario", ["first", "rerouted", "rollback"])
def test_routes_that_nginx_refuses_fail_the_release_at_the_switch(place: Path, scenario: str) -> None:
    """FF8: what nginx had before is what it has after."""
    stage = Stage(place, scenario)
    stage.effects.refused_routes.add("the same" if scenario == "first" else "others")
    with pytest.raises(ReleaseError, match="does not take") as failure:
        stage.coordinator().release(stage.state())
    stage.free()
    assert failure.value.state.step == "switch"
    assert_one_serves(stage, scenario)


def test_an_old_release_is_back_even_if_nginx_does_not_take_its_routes(place: Path) -> None:
    """What else there is to undo is undone, and the ledger says what is left to do."""
    stage = Stage(place, "rerouted")
    stage.effects.refused_routes.update({"the same", "others"})
    assert stage.run() == "failed"
    assert (stage.effects.live, stage.effects.serving, stage.effects.slots) == ("blue", "blue", {"blue": OLD})
    assert {slot for slot, _ in stage.effects.running} == {"blue"}
    assert "the old routes are back, but: nginx does not take" in Ledger(place).summaries()[-1].reason


def test_a_failed_return_is_tried_again_by_recover(place: Path) -> None:
    """The old release serves all the same, and the ledger says that something is left to do."""
    stage = Stage(place, "second")
    original = stage.effects.assign

    def broken(slot: str, release: str | None) -> None:
        if release is None:
            raise HostError("read-only file system")
        original(slot, release)

    stage.effects.assign = broken  # type: ignore[method-assign]
    stage.effects.sick.add(NEW)
    assert stage.run() == "failed"
    assert stage.effects.slots["blue"] == OLD
    assert "going back failed: read-only file system" in Ledger(place).summaries()[-1].reason
    stage.effects.assign = original  # type: ignore[method-assign]
    stage.coordinator().recover()
    stage.free()
    assert_one_serves(stage, "second recovery")


def test_an_interrupted_release_that_is_not_well_any_more_is_undone(place: Path) -> None:
    """It was healthy before the switch, but what counts after an interruption is whether it is now."""
    stage = Stage(place, "second")
    names = points(place, "second")
    stage.trouble.kind, stage.trouble.at = "crash", names.index("verify (before)")
    assert stage.run() == "killed"
    stage.effects.sick.add(NEW)
    assert "undid" in str(stage.recover(cold=False))
    assert_one_serves(stage, "sick after the switch")


def test_a_release_whose_lock_is_taken_over_stops_without_undoing(place: Path) -> None:
    """What it left is its successor's to decide; two that undo at once would undo each other."""
    stage = Stage(place, "second")
    original = stage.effects.install

    def stolen(state: object) -> None:
        shutil.rmtree(Lock(place).path)
        Lock(place).acquire("bob@desk")
        original(state)  # type: ignore[arg-type]

    stage.effects.install = stolen  # type: ignore[method-assign]
    with pytest.raises(LockError, match="taken over by bob@desk"):
        stage.coordinator().release(stage.state())
    state = StateFile(place).load()
    assert state is not None
    assert state.step == "install"
    assert "remove (before)" not in stage.trouble.passed


def test_a_step_that_fails_after_a_take_over_undoes_nothing(place: Path) -> None:
    """Whoever took over ended its commands, which is no reason to go back: that is being done already."""
    stage = Stage(place, "second")

    def stolen(state: object) -> None:
        shutil.rmtree(Lock(place).path)
        Lock(place).acquire("bob@desk")
        raise HostError("`pip install` was killed by SIGKILL")

    stage.effects.install = stolen  # type: ignore[method-assign]
    with pytest.raises(LockError, match="taken over by bob@desk"):
        stage.coordinator().release(stage.state())
    assert stage.effects.directories == {OLD, NEW}


def test_a_mistake_of_our_own_fails_the_release_like_any_other(place: Path) -> None:
    """A bug in a step must not leave the host half way."""
    stage = Stage(place, "second")

    def mistaken(state: object) -> None:
        raise KeyError("surprise")

    stage.effects.verify = mistaken  # type: ignore[method-assign]
    with pytest.raises(ReleaseError, match="surprise") as failure:
        stage.coordinator().release(stage.state())
    stage.free()
    assert failure.value.describe() == "release failed at step verify: KeyError: 'surprise'"
    assert_one_serves(stage, "mistake")


def test_points_are_around_every_piece_of_work(place: Path) -> None:
    """The tests above are only as good as this list."""
    passed = points(place, "second")
    for step in STEPS:
        assert step in ("scheduler", "workers", "start", "health", "stop", "migrate", "after-switch", "switch") or any(
            name.startswith(step) for name in passed
        ), step
    assert Trouble().passed == []
    assert sum(name.endswith("(before)") for name in passed) == sum(name.endswith("(after)") for name in passed)
