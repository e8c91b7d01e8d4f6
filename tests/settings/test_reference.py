"""The page about stack files says what the models say."""

from __future__ import annotations

from pathlib import Path

from settings.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "stack-file.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "make schema"


def test_every_block_and_its_keys_are_there() -> None:
    page = reference()
    for words in (
        "## `slipway:product`",
        "**`services`**",
        "by name: [Service](#service)",
        "`admin_cidrs`",
        "`postgres`",
        "### DropletCompose",
        "### FleetCompose",
        "[ManagedBalancer](#managedbalancer) or [HAProxyBalancer](#haproxybalancer)",
    ):
        assert words in page
