"""A host's set-up: what of it runs again when its manifest changes."""

from __future__ import annotations

import pytest

from components.host_setup import HostSetup, HostSetupArgs
from components.keys import Keys
from hostfiles import bundle
from policies.graph import Resource
from tests.components.conftest import Record

ADMINS = ["203.0.113.7/32"]


def _confirm(record: Record, ssh_from: list[str], tcp: list[int], product: str = "shop") -> Resource:
    manifest = bundle.bundle({"product": product, "firewall": {"ssh_from": ssh_from, "tcp": tcp}})

    def program() -> None:
        HostSetup("shop-host", HostSetupArgs("1", "192.0.2.1", Keys("shop-keys"), manifest))

    return record(program).one("Command", "shop-host-firewall-confirm")


@pytest.mark.parametrize(("ssh_from", "tcp"), [(ADMINS, [80]), (ADMINS, []), ([*ADMINS, "198.51.100.0/24"], [80, 443])])
def test_every_change_of_the_firewall_is_confirmed(record: Record, ssh_from: list[str], tcp: list[int]) -> None:
    """Else the host would put its rules back after two minutes, whatever follows from them."""
    before, after = _confirm(record, ADMINS, [80, 443]), _confirm(record, ssh_from, tcp)
    assert before.inputs["stdin"] != after.inputs["stdin"]
    assert after.standard_input == {"ssh_from": ssh_from, "tcp": tcp}


def test_nothing_else_is(record: Record) -> None:
    before, after = (_confirm(record, ADMINS, [80], product) for product in ("shop", "store"))
    assert before.inputs == after.inputs
