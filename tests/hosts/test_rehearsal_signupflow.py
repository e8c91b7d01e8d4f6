"""SignUpFlow, rehearsed: two instances on the platform, managed databases: what each rehearsal can afford (SF1–SF7).

SF11 whole, deployments under load, changed secrets, what `destroy` leaves: `make rehearse STACK=signupflow CHECKS=all`.
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
    yield from brought_up("signupflow")


@pytest.mark.parametrize("check", chosen("basic", "app-platform"), ids=name)
def test_check(scene: Scene, check: Check) -> None:
    expect_all(scene, check)
