"""The checks of a fleet name the step that failed, and let a lost host take no more with it than was on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import cast

import pytest

from rehearsal.checks import fleet
from rehearsal.checks.catalogue import CHECKS
from rehearsal.checks.check import Result
from rehearsal.checks.scene import LoadReport, Scene
from rehearsal.load import CLIENTS
from rehearsal.model import Host

APP, BALANCER = Host("a", "app", "198.18.0.5", None), Host("b", "balancer", "198.18.0.4", None)
URL = "https://api.example.com/api/v1/utils/health-check/"


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A fleet that serves what it did, whatever its releases say in `said`."""
    monkeypatch.setattr(fleet, "one_slot_runs", lambda *_: None)
    monkeypatch.setattr(fleet, "_noted", lambda scene: nullcontext({"failed": 0.0, "back": 1.0}))

    @contextmanager
    def load() -> Iterator[LoadReport]:
        yield LoadReport(sent=20_000)

    down = SimpleNamespace(down=nullcontext)
    made: SimpleNamespace = SimpleNamespace(
        said="",
        hosts=[APP],
        load=load,
        current=lambda: "main",
        another=lambda: "good",
        serves=lambda variant: True,
        runs=lambda host: set(),
        root=lambda *_, **__: None,
        release=lambda variant: made.said,
        cloud=SimpleNamespace(registry=lambda: down, hosts=lambda: [APP, BALANCER]),
        visitor=SimpleNamespace(address=BALANCER.public_address),
    )
    return made


def _broken(result: Result) -> list[str]:
    return [line.text for line in result.lines if not line.holds]


@pytest.mark.parametrize(
    ("step", "named"), [("health", True), ("verify", False), ("switch", False)], ids=["the step", "another", "a third"]
)
def test_a_bad_release_has_to_fail_at_its_step(scene: SimpleNamespace, step: str, named: bool) -> None:
    """Vulcan's own path has the word `health` in it."""
    scene.said = f"app: fetch 1.0 s\nthe release failed: app: start: release failed at step {step}: {URL} answers 502\n"
    result = Result(6, "")
    fleet._bad(cast(Scene, scene), result, "unhealthy", "health", nullcontext, "bad")
    assert _broken(result) == ([] if named else ["unhealthy: the update fails and names the step 'health'"])


@pytest.mark.parametrize(("step", "named"), [("fetch", True), ("preflight", False)])
def test_a_registry_that_is_down_is_told_where_images_are_fetched(
    scene: SimpleNamespace, step: str, named: bool
) -> None:
    scene.said = f"app: fetch 1.0 s\nthe release failed: app: stage: release failed at step {step}: no answer\n"
    result = Result(6, "")
    fleet._registry_down(cast(Scene, scene), result)
    assert _broken(result) == ([] if named else ["registry down: the update fails and says so"])


@pytest.mark.parametrize(
    ("at", "count", "holds"),
    [
        (1.0, CLIENTS, True),
        (1.0, CLIENTS + 1, False),  # somebody was refused twice
        (fleet.UNTIL_IT_IS_DARK + 1.0, 1, False),
    ],
    ids=["on their way", "too many", "too late"],
)
def test_a_lost_host_takes_with_it_what_was_on_its_way(
    scene: SimpleNamespace, at: float, count: int, holds: bool
) -> None:
    load, result = LoadReport(sent=20_000, failures=[(100 + at, "no answer")] * count), Result(5, "")
    load.expect_those_on_their_way(result, "", 100.0, fleet.noticed_within(cast(Scene, scene)))
    assert result.passed is holds


def test_the_clouds_balancer_may_need_two_checks_to_notice(scene: SimpleNamespace) -> None:
    scene.visitor.address = "198.18.1.200"
    assert fleet.noticed_within(cast(Scene, scene)) == fleet.TWO_CHECKS


def test_a_fleet_is_looked_at_as_one_host_is() -> None:
    """But for what it has a check of its own for, and what audits one host."""
    titles = {kind: {check.title for check in CHECKS[kind]} for kind in CHECKS}
    missing = titles["droplet-compose"] - titles["fleet-compose"]
    assert missing == {
        "only what should be open is open",
        "releases drop nothing",
        "auditors are content",
        "destroyed, and made again",
    }
