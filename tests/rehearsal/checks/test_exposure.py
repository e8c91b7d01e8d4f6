"""Check 3 of a fleet takes a balancer on a host of its own for what it is, and nothing else for one."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from rehearsal.checks import exposure
from rehearsal.checks.check import Result
from rehearsal.checks.scene import Scene
from rehearsal.model import Host

KNOWN = "198.18.1.200"
BALANCER = Host("b", "balancer", "198.18.0.4", None, reserved_addresses=(KNOWN,))
APP = Host("a", "app", "198.18.0.5", None)


def broken(
    monkeypatch: pytest.MonkeyPatch, outside: Mapping[str, set[int]], admin: Mapping[str, set[int]]
) -> list[str]:
    """What does not hold where these ports answer, by address."""
    cloud = SimpleNamespace(hosts=lambda: [BALANCER, APP], managed=SimpleNamespace(databases=SimpleNamespace(all=list)))
    scene = SimpleNamespace(visitor=SimpleNamespace(address=KNOWN), rehearsal=SimpleNamespace(cloud=cloud), cloud=cloud)
    monkeypatch.setattr(exposure, "open_from_outside", lambda scene, address: outside.get(address, set()))
    monkeypatch.setattr(exposure, "_open_from_admin", lambda address: admin[address])
    monkeypatch.setattr(exposure, "_logins", lambda scene, result: None)
    result = Result(3, "exposure")
    exposure.only_from_inside(cast(Scene, scene), result)
    return [line.text for line in result.lines if not line.holds]


def test_the_balancers_host_has_the_web_open_and_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    web = {KNOWN: {80, 443}, BALANCER.public_address: {80, 443}}
    admin = {BALANCER.public_address: {22, 80, 443}, APP.public_address: {22}}
    assert broken(monkeypatch, web, admin) == []


def test_what_else_is_open_is_said_of_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    web = {KNOWN: {80, 443}, BALANCER.public_address: {80, 443, 27017}, APP.public_address: {80}}
    admin = {BALANCER.public_address: {22}, APP.public_address: {22, 80}}
    assert broken(monkeypatch, web, admin) == [
        "balancer: from anywhere only the web answers",
        "balancer: from the admin range only SSH and the web answers",
        "app: from anywhere nothing answers",
        "app: from the admin range only SSH answers",
    ]
