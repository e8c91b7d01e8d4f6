"""FamilyFlow, rehearsed whole: the real engine, a real host, every check from outside (FF1–FF11, ALL1–ALL4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.checks.catalogue import chosen
from rehearsal.checks.check import Check
from rehearsal.checks.scene import Scene
from rehearsal.run import Rehearsal

STACK = "familyflow"

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The stack, brought up from nothing, and down again at the end with nothing left behind."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        print(line)  # shown by pytest where a check does not hold

    with Rehearsal(STACK, say) as rehearsal:
        rehearsal.down()
        try:
            rehearsal.up()
            yield Scene(rehearsal, said)
        finally:
            rehearsal.down()
    assert not rehearsal.workspace.directory.exists(), "files of the rehearsal are left"


@pytest.mark.parametrize("check", chosen("all"), ids=lambda check: f"{check.number}-{check.title}")
def test_check(scene: Scene, check: Check) -> None:
    result = check.run(scene)
    broken = [f"{line.text}: {line.seen}" for line in result.lines if line.holds is False]
    assert not broken, "\n".join(broken)
    assert result.passed, "the check looked at nothing"
