"""The release state machine on a host that runs containers: with trouble anywhere, one release serves after."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host.state import STEPS, StateFile
from tests.host_scripts.fake_containers import FakeContainers
from tests.host_scripts.fake_effects import CrashError
from tests.host_scripts.fake_releases import NEW, Stage, assert_one_serves, points, stages

SCENARIOS = ("first", "third", "rerouted", "rollback", "rebuilt")


def containers(stage: Stage) -> FakeContainers:
    """The host of a stage."""
    assert isinstance(stage.effects, FakeContainers)
    return stage.effects


def assert_settled(stage: Stage, where: str) -> None:
    """One release serves; all of it, and nothing else, comes back after a boot; no job goes on."""
    assert_one_serves(stage, where)
    effects = containers(stage)
    assert effects.comes_back == set(effects.running), where
    assert effects.jobs_running == set(), where


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_release_of_images_builds_nothing_and_serves_alone(place: Path, scenario: str) -> None:
    stage = Stage(place, scenario, FakeContainers)
    assert stage.run() == "released"
    assert_settled(stage, scenario)
    began = {name.removesuffix(" (before)") for name in stage.trouble.passed}
    assert not began & {"install", "build"}
    assert containers(stage).migrated == (
        [f"{NEW} before-switch", f"{NEW} after-switch"] if stage.kind == "release" else []
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_failure_at_any_point_leaves_one_release_serving(place: Path, scenario: str) -> None:
    for where, stage in stages(place, scenario, "fail", FakeContainers):
        outcome = stage.run()
        assert_settled(stage, where)
        late = any(piece in where for piece in ("prune", "stop all")) and "verify (after)" in stage.trouble.passed
        assert outcome == ("released" if late else "failed"), where


@pytest.mark.parametrize("cold", [False, True], ids=["killed", "powered off"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_release_that_dies_at_any_point_is_finished_or_undone(place: Path, scenario: str, cold: bool) -> None:
    """Also where the containers of both slots have come back with the boot, or those of none."""
    for where, stage in stages(place, scenario, "crash", FakeContainers):
        assert stage.run() == "killed", where
        passed = list(stage.trouble.passed)
        known = StateFile(stage.directory).load()
        stage.recover(cold)
        if known is None and "switch (after)" not in passed:
            assert "record state" in where, where  # it died before it had written down anything
            continue
        assert_settled(stage, where)
        effects = stage.effects
        finished = effects.live is not None and effects.slots[effects.live] == stage.release
        assert finished == (known is None or STEPS.index(known.step) >= STEPS.index("switch")), where


@pytest.mark.parametrize("cold", [False, True], ids=["killed", "powered off"])
@pytest.mark.parametrize("scenario", ["third", "rollback"])
def test_a_recovery_that_dies_is_recovered_from(place: Path, scenario: str, cold: bool) -> None:
    for first in range(0, len(points(place, scenario, FakeContainers)), 5):
        second = 0
        while True:
            stage = Stage(place / f"{first}-{second}", scenario, FakeContainers)
            stage.trouble.kind, stage.trouble.at = "crash", first
            stage.run()
            if StateFile(stage.directory).load() is None:
                break
            stage.trouble.passed, stage.trouble.at = [], second
            try:
                stage.recover(cold)
            except CrashError:
                stage.trouble.at = -1
                stage.recover(cold)
                assert_settled(stage, f"{scenario}: killed at {first}, then at {second}")
                second += 1
                continue
            break


def test_a_boot_at_rest_starts_what_is_missing_and_ends_what_is_too_much(place: Path) -> None:
    """The power may go between any two words to Docker."""
    stage = Stage(place, "third", FakeContainers)
    effects = containers(stage)
    effects.comes_back = {("blue", "web"), ("green", "worker")}
    effects.running["green", "worker"] = effects.slots["green"]
    stage.coordinator()
    stage.recover(cold=True)
    assert {slot for slot, _ in effects.running} == {"blue"}
    assert effects.comes_back == set(effects.running) == {("blue", role) for role in ("web", "worker", "scheduler")}
