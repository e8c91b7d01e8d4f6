"""Why two stacks can't be the two sides of a move, each in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plan.moving.derive import make_move
from settings.problems import SettingsError
from tests.plan.moving.moves import Blocks, devora


def refused(move: Any) -> list[str]:
    with pytest.raises(SettingsError) as told:
        move()
    return str(told.value).splitlines()


def test_another_product_is_refused() -> None:
    assert refused(lambda: make_move("prod", "devora-fleet")) == [
        "from: prod is of vulcan and devora-fleet of devora, should be another stack of devora: a move is one product's"
    ]


@pytest.mark.parametrize("stacks", [("signupflow", "signupflow-staging"), ("signupflow-staging", "signupflow")])
def test_a_platform_without_hosts_is_no_side_of_a_move(stacks: tuple[str, str]) -> None:
    (line,) = refused(lambda: make_move(*stacks))
    assert line == (
        f"from: {stacks[0]} is of the kind app-platform, which no step is written for yet: "
        "say another `kind` in one stack, whose databases and buckets stay"
    )


def test_the_stack_itself_is_refused() -> None:
    (line,) = refused(lambda: make_move("prod", "prod"))
    assert line.startswith("from: prod is the stack itself, should be the one that the product moves from")


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("10.100.0.0/20", "10.100.0.0/20 is devora-vps's too"),
        ("10.100.8.0/24", "10.100.8.0/24 overlaps 10.100.0.0/20, which is devora-vps's"),
    ],
)
def test_a_network_that_both_sides_would_have_is_refused(tmp_path: Path, network: str, expected: str) -> None:
    def same(blocks: Blocks) -> None:
        blocks["architecture"]["network"] = network

    right = "the two run side by side, give another"
    assert refused(lambda: devora(tmp_path, after=same)) == [f"slipway:architecture.network: {expected}: {right}"]


def test_a_zone_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    def made(blocks: Blocks) -> None:
        blocks["dns"]["create_zone"] = True

    def found(blocks: Blocks) -> None:
        del blocks["dns"]["create_zone"]

    assert refused(lambda: devora(tmp_path, after=made)) == [
        "slipway:dns.create_zone: is true in both stacks, and devora-vps has made the zone devora.ai: "
        "leave it out of devora-fleet"
    ]
    assert refused(lambda: devora(tmp_path, before=found, after=made)) == [
        "slipway:dns.create_zone: is true, and devora-vps has its names in the zone devora.ai already: "
        "leave it out of devora-fleet"
    ]


def test_a_bucket_of_the_same_name_and_an_older_database_are_refused(tmp_path: Path) -> None:
    def bucket(blocks: Blocks) -> None:
        exports = {"engine": "object-storage", "provider": "managed", "bucket": "one-bucket"}
        blocks["product"]["backing"]["exports"] = exports

    def newer(blocks: Blocks) -> None:
        bucket(blocks)
        blocks["product"]["backing"]["documents"]["version"] = 8

    assert refused(lambda: devora(tmp_path, before=newer, after=bucket)) == [
        "slipway:product.backing.documents.version: is 7, should be 8 as in devora-vps, or a newer one: "
        "an older one may not read what a newer has dumped",
        "slipway:product.backing: devora-fleet-exports-bucket: devora-vps has made the bucket one-bucket, "
        "and there can be one: leave `bucket` out here",
    ]


def test_all_that_is_in_the_way_is_told_at_once(tmp_path: Path) -> None:
    def both(blocks: Blocks) -> None:
        blocks["architecture"]["network"] = "10.100.0.0/20"
        blocks["dns"]["create_zone"] = True

    assert len(refused(lambda: devora(tmp_path, after=both))) == 2


def test_stacks_without_a_name_in_common_are_no_two_sides_of_a_move() -> None:
    (line,) = refused(lambda: make_move("prod", "staging"))
    prod, staging = "prod answers to app.example.com", "staging to app.staging.example.com"
    assert line.startswith(f"from: {prod} and {staging}, should have a name in common: a move ends prod")
