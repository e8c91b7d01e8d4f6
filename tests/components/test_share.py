"""The share that a fleet's hosts have in common, with the engine's mocks (DV6, ALL4)."""

from __future__ import annotations

from components.share import Share, ShareArgs
from tests.components.conftest import Record


def test_a_share_is_protected_and_of_the_tier_that_web_applications_need(record: Record) -> None:
    made = record(lambda: Share("shop", ShareArgs("nyc2", "net-1", 50)))
    share = made.one("Nfs")
    assert share.protect
    assert share.inputs == {
        "name": "shop", "region": "nyc2", "vpcId": "net-1", "size": 50, "performanceTier": "standard",
    }  # fmt: skip
