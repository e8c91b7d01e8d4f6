"""docs/choosing.md: every kind is compared, and its prices are the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest

from plan import choosing
from plan.build import make_plan
from plan.choosing import CHOICES, SIZES, cost
from settings.kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "choosing.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == choosing.page(), "python -m plan.choosing > docs/choosing.md"


def test_every_kind_is_compared() -> None:
    assert tuple(CHOICES) == tuple(KINDS)


def test_the_price_at_launch_is_the_shipped_stacks() -> None:
    """SF10: what the document estimates at 59."""
    assert cost("app-platform", "launch").monthly == make_plan("signupflow").cost.monthly
    assert int(cost("app-platform", "launch").monthly) - 1 == choosing.ESTIMATED["launch"], "and an uptime check"


@pytest.mark.parametrize("kind", CHOICES)
def test_a_larger_size_costs_more_and_everything_has_a_price(kind: str) -> None:
    found = [cost(kind, size) for size in SIZES]
    assert all(one.unpriced == () for one in found)
    assert sorted({one.monthly for one in found}) == [one.monthly for one in found]
