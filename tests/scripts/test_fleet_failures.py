"""A fleet's release with every single and every double failure: one version serves in the end, on every host.

Failures are: a host that fails a verb, one that loses its power and stays off or comes back at once, a connection that
is lost before or after the verb was done, the coordinator killed; at every message and between any two pieces of a
host's work, also of the recovery that follows.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing

import pytest

from tests.scripts.fake_fleet import KilledError
from tests.scripts.fake_order import OLD, OLDER, Scene
from tests.scripts.virtual_time import run

Plan = dict[int, str]
SCENARIOS = ("release", "first release", "rollback")


async def _story(scenario: str, size: int, plan: Plan) -> tuple[Scene, list[str]]:
    """What goes wrong in one story: the command, recoveries while the coordinator is killed, boots, recoveries."""
    scene = Scene(size, plan, fresh=scenario == "first release")
    command = "rollback" if scenario == "rollback" else "release"
    before = None if scenario == "first release" else OLD
    done = await scene.until_over(command)
    wrong = _differing(scene, "once it was over")
    if done and (len(scene.live()) < size or (before in scene.live().values() and "killed" not in plan.values())):
        wrong.append(f"it was said to be done, but {scene.live()}")
    for _ in range(3):  # what is to come may come in a recovery
        if len(scene.live()) == size and not _differing(scene, ""):
            break
        await scene.boot()
        await scene.until_over("recover")
    wrong += _differing(scene, "in the end")
    wrong += [] if len(scene.live()) == size else ["a host was forgotten"]
    serving = set(scene.live().values())
    new = OLDER if scenario == "rollback" else next(iter(serving - {before}), None)
    if not serving <= {before, new}:
        wrong.append(f"what serves was not asked for: {serving}")
    if scenario != "rollback" and (serving != {before}) != bool(scene.fleet.committed):
        wrong.append(f"committed {scene.fleet.committed}, but {serving} serves")
    return scene, wrong


def _differing(scene: Scene, when: str) -> list[str]:
    if len(set(scene.live().values())) <= 1 and scene.at_rest():
        return []
    return [f"{when}: {scene.live()}, {'' if scene.at_rest() else 'not '}at rest"]


def _singles(scenario: str, size: int) -> list[tuple[int, str]]:
    """Every failure that can come in a story without one."""
    scene, wrong = run(_story(scenario, size, {}))
    assert wrong == []
    return [(number, kind) for number, (_, kinds) in enumerate(scene.fleet.trouble.passed) for kind in kinds]


def _tell(scenario: str, size: int, plan: Plan) -> tuple[Scene, list[str]]:
    """The story of one plan, and what went wrong with the plan in front."""
    scene, wrong = run(_story(scenario, size, plan))
    passed = scene.fleet.trouble.passed
    where = ", ".join(f"{kind} at {passed[number][0]}" for number, kind in plan.items() if number < len(passed))
    return scene, [f"{scenario} of {size}, {where}: {what}" for what in wrong]


def _doubles_after(
    scenario: str, size: int, first: tuple[int, str], stride: int = 1, offset: int = 0
) -> tuple[int, list[str]]:
    """How many stories there are with `first` and one more failure after it, and what goes wrong in them."""
    scene, wrong = _tell(scenario, size, dict([first]))
    later = list(enumerate(scene.fleet.trouble.passed))[first[0] + 1 :]
    seconds = [(number, kind) for number, (_, kinds) in later for kind in kinds][offset % stride :: stride]
    for second in seconds:
        wrong += _tell(scenario, size, dict([first, second]))[1]
    return len(seconds), wrong


def _doubles(scenario: str, size: int, stride: int = 1) -> tuple[int, list[str]]:
    context = multiprocessing.get_context("fork")
    total, wrong = 0, list[str]()
    with concurrent.futures.ProcessPoolExecutor(mp_context=context) as pool:
        jobs = [
            pool.submit(_doubles_after, scenario, size, first, stride, offset)
            for offset, first in enumerate(_singles(scenario, size))
        ]
        for job in jobs:
            count, found = job.result()
            total += count
            wrong += found
    return total, wrong


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_failure_anywhere_leaves_one_version_serving(scenario: str, size: int) -> None:
    """DV4, VU5: the one before, unless the new one was committed."""
    singles = _singles(scenario, size)
    assert len(singles) > 20
    wrong = [what for first in singles for what in _tell(scenario, size, dict([first]))[1]]
    assert wrong == []


def test_two_failures_anywhere_leave_one_version_serving() -> None:
    """Every pair, on the smallest fleet."""
    total, wrong = _doubles("release", 2)
    assert wrong == []
    assert total > 5_000


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_two_failures_leave_one_version_serving_on_three_hosts(scenario: str) -> None:
    """Some of the pairs, evenly spread."""
    total, wrong = _doubles(scenario, 3, stride=23)
    assert wrong == []
    assert total > 150


def test_a_killed_coordinator_does_nothing_more() -> None:
    """The stories above are only as good as this."""

    async def story() -> int:
        scene = Scene(2, {30: "killed"})
        assert await scene.run("release") is None
        passed = len(scene.fleet.trouble.passed)
        with pytest.raises(KilledError):
            await scene.process.call("web-1", "status", {}, lambda line: None)
        return passed

    assert run(story()) == 31
