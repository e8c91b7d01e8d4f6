"""Devora's phase 1, rehearsed: one host with containers, what every rehearsal can afford (DV1–DV4, ALL1–ALL4).

Releases under load, reboots, lost replicas, a renewal take long: `make rehearse STACK=devora-vps CHECKS=all`.
"""

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
    """The stack, brought up from nothing, and down again at the end. `make rehearse REQUESTS=100000` is for volume."""
    yield from brought_up("devora-vps")


def test_one_logs_in_with_one_command(scene: Scene) -> None:
    expect_login(scene)


@pytest.mark.parametrize("check", chosen("basic", "droplet-compose"), ids=name)
def test_check(scene: Scene, check: Check) -> None:
    expect_all(scene, check)
