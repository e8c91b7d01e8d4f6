"""Vulcan, rehearsed: two hosts behind a balancer, managed databases, what every rehearsal can afford (VU1–VU6).

Releases under load, lost hosts and deaths of the coordinator take long: `make rehearse STACK=prod CHECKS=all`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.checks.catalogue import chosen
from rehearsal.checks.check import Check
from rehearsal.checks.scene import Scene
from tests.hosts.rehearsing import brought_up, expect_all, name

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """The stack, brought up from nothing, and down again at the end."""
    yield from brought_up("prod")


@pytest.mark.parametrize("check", chosen("basic", "fleet-compose"), ids=name)
def test_check(scene: Scene, check: Check) -> None:
    expect_all(scene, check)
