"""The type tokens of components, which are a part of the URN of everything below them."""

from __future__ import annotations

import importlib
import pkgutil

import components
from components.component import Component
from tests.components.conftest import Record

TOKENS = {
    "slipway:app:App",
    "slipway:bucket:Bucket",
    "slipway:database:Database",
    "slipway:dns:Names",
    "slipway:dns:Zone",
    "slipway:droplet:Droplet",
    "slipway:droplet:LoginKey",
    "slipway:firewall:Firewall",
    "slipway:fleet_release:FleetRelease",
    "slipway:host_setup:HostSetup",
    "slipway:keys:Keys",
    "slipway:leaving:Leaving",
    "slipway:load_balancer:LoadBalancer",
    "slipway:monitoring:Monitoring",
    "slipway:network:Network",
    "slipway:project:Group",
    "slipway:share:Share",
    "slipway:unmounting:Unmounting",
}
"""What the state of whoever runs a stack knows. One that is gone from here makes their protected resources anew."""


def test_no_component_changes_its_type_token() -> None:
    for module in pkgutil.iter_modules(components.__path__):
        importlib.import_module(f"components.{module.name}")
    ours = [each for each in Component.__subclasses__() if each.__module__.startswith("components.")]
    found = {each.token() for each in ours}
    assert not TOKENS - found, "a class that has moved or is renamed keeps its old token: say it in its TOKEN"
    assert not found - TOKENS, "a new component: add its token to this list"


def test_a_class_that_has_moved_keeps_its_token(record: Record) -> None:
    class Moved(Component):
        TOKEN = "slipway:before:Before"

    made: list[str] = []
    graph = record(lambda: made.append(Moved("shop").name)).graph
    assert [each.type for each in graph if each.name == "shop"] == ["slipway:before:Before"]
