"""FamilyFlow, rehearsed whole: the real engine, a real host, every check from outside (FF1–FF11, ALL1–ALL4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.checks.catalogue import chosen
from rehearsal.checks.check import Check
from rehearsal.checks.scene import Scene
from tests.hosts.rehearsing import brought_up, expect_all, expect_login, name

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The stack, brought up from nothing, and down again at the end. `make rehearse CHECKS=all` sends 20,000."""
    yield from brought_up("familyflow")


def test_one_logs_in_with_one_command(scene: Scene) -> None:
    expect_login(scene)


@pytest.mark.parametrize("check", chosen("all", "droplet-pm2"), ids=name)
def test_check(scene: Scene, check: Check) -> None:
    expect_all(scene, check)
