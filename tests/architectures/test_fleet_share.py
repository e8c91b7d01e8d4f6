"""The architecture `fleet-compose` with a share, on which every host has the same files (DV6, ALL4)."""

from __future__ import annotations

from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import Run
from tests.architectures.declared import after, declared, inputs, named

SECRETS = frozenset({"GHCR_PAT", "SUPABASE_SECRET"})
NAME = "vulcan-prod"
DROPLET, SHARE = "digitalocean:index/droplet:Droplet", "digitalocean:index/nfs:Nfs"


def _with_a_share(values: dict[str, Any]) -> None:
    values["product"]["services"]["backend"]["volumes"] = {"uploads": "/var/uploads"}
    values["architecture"]["share"] = 50


@pytest.fixture(scope="module")
def whole() -> Run:
    return declared("prod", SECRETS)


@pytest.fixture(scope="module")
def with_a_share() -> Run:
    return declared("prod", SECRETS, _with_a_share)


def test_a_share_is_part_of_what_outlives_the_hosts_and_in_their_network_alone(with_a_share: Run) -> None:
    """DV6, ALL4."""
    (share,) = with_a_share.graph.of(SHARE)
    assert share.protect
    assert share.property_dependencies["vpcId"] == (named(with_a_share, f"{NAME}-vpc").urn,)
    told = {key: share.inputs[key] for key in ("name", "region", "size", "performanceTier")}
    assert told == {"name": NAME, "region": "nyc3", "size": 50, "performanceTier": "standard"}
    hosts = with_a_share.graph.of(DROPLET)
    assert [host.name for host in hosts if after(with_a_share, share, host)] == [], "each waits for the other"


def test_every_host_mounts_the_share_and_none_is_prepared_before_it(with_a_share: Run) -> None:
    (share,) = with_a_share.graph.of(SHARE)
    source = f"{share.outputs['host']}:{share.outputs['mountPath']}"
    web = [host for host in with_a_share.graph.hosts if str((host.manifest or {}).get("hostname")).startswith(NAME)]
    assert len(web) == 2
    for host in web:
        (mount,) = [file for file in host.files if str(file["path"]).endswith(".mount")]
        assert f"What={source}\n" in mount["content"]
        assert after(with_a_share, host.command, share)


def test_a_share_makes_nothing_else_of_the_fleet_otherwise_than_its_hosts_files(with_a_share: Run, whole: Run) -> None:
    more, before = inputs(with_a_share), inputs(whole)
    assert set(more) - set(before) == {f"{NAME}-share"}
    assert {name for name in before if more[name] != before[name]} == {
        *(f"{NAME}-{number}-host-apply" for number in (1, 2)),
        f"{NAME}-fleet-release",
    }


def test_what_has_no_known_price_is_said_to_have_none(with_a_share: Run) -> None:
    monthly = str(with_a_share.outputs.values["monthly_cost"])
    cost = cost_of(with_a_share.graph)
    assert monthly.startswith(f"{cost.monthly:.2f} USD without the share")
    assert [name for name, _ in cost.unpriced] == [f"{NAME}-share"]
