"""Vulcan, rehearsed: two hosts behind a balancer, managed databases, what every rehearsal can afford (VU1–VU6).

Releases under load, lost hosts and deaths of the coordinator take long: `make rehearse STACK=prod CHECKS=all`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.checks.catalogue import chosen
from rehearsal.checks.check import Check
from rehearsal.checks.scene import Scene
from rehearsal.run import RehearsalError
from tests.hosts.rehearsing import brought_up, expect_all, expect_login, name

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The stack, brought up from nothing, and down again at the end."""
    yield from brought_up("prod")


def test_one_logs_in_to_each_host_with_one_command(scene: Scene) -> None:
    expect_login(scene)
    for host in scene.hosts:
        expect_login(scene, host.name)
    with pytest.raises(RehearsalError, match=r"^HOST is 'other', should be vulcan-prod-1 or vulcan-prod-2$"):
        expect_login(scene, "other")


@pytest.mark.parametrize("check", chosen("basic", "fleet-compose"), ids=name)
def test_check(scene: Scene, check: Check) -> None:
    expect_all(scene, check)
