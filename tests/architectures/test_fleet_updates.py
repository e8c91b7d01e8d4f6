"""What a change of Vulcan's stack file changes of its fleet, and what it leaves alone (VU7, VU10, ALL4)."""

from __future__ import annotations

from typing import Any

import pytest

from plan.program import Run
from tests.architectures.declared import Change, after, changed, declared, inputs, named

SECRETS = frozenset({"GHCR_PAT", "SUPABASE_SECRET"})
NAME = "vulcan-prod"
FOUNDATION = {"Vpc", "Domain", "DatabaseCluster", "DatabaseFirewall", "DatabaseDb", "RandomPassword"}


def _declared(change: Change = lambda values: None, stack: str = "prod") -> Run:
    return declared("prod", SECRETS, change, stack)


def _hosts(number: int) -> Change:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["hosts"] = number
        del values["product"]["services"]["backend"]["pool"]  # more hosts would open more than the plan has

    return change


def _with_data_hosts(values: dict[str, Any]) -> None:
    values["product"]["backing"]["database"] = {"engine": "postgres", "provider": "host", "version": 17, "volume": 20}
    values["product"]["backing"]["cache"] = {"engine": "redis", "provider": "host"}


def _encrypted(values: dict[str, Any]) -> None:
    values["architecture"]["balancer"] = {"provider": "managed", "encrypt_to_hosts": True}


def _on_one_droplet(values: dict[str, Any]) -> None:
    values["architecture"] = {"kind": "droplet-compose", "region": "nyc3", "size": "s-4vcpu-8gb", "backups": "off"}


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


def test_what_is_generated_stays_as_it_was_made(whole: Run) -> None:
    """Another length would void what the old text signed or encrypted. One that moves stops at its protection."""
    made = named(whole, f"{NAME}-backend-secret-key")
    assert (made.protect, made.ignore_changes) == (True, ("length",))


def test_the_balancer_speaks_tls_to_the_hosts_where_it_is_asked_to() -> None:
    """VU7."""

    forwards = named(_declared(_encrypted), f"{NAME}-web-balancer").blocks("forwardingRules")
    assert {(rule["targetProtocol"], rule["targetPort"]) for rule in forwards} == {("https", 443)}


def test_a_balancer_changes_over_to_tls_after_a_release_and_no_port_opens_or_closes_for_it(whole: Run) -> None:
    """VU7: what it speaks on either side of the change is served all the while."""
    encrypted = _declared(_encrypted)
    assert changed(whole, encrypted) == {
        f"{NAME}-1-host-apply",
        f"{NAME}-2-host-apply",
        f"{NAME}-fleet-release",
        f"{NAME}-web-balancer",
    }
    assert after(encrypted, named(encrypted, f"{NAME}-web-balancer"), named(encrypted, f"{NAME}-fleet-release"))


def test_names_are_the_same_in_whatever_order_they_are_told() -> None:
    """Another order costs no certificate and no release."""

    def also(*names: str) -> Change:
        return lambda values: values["product"].update(aliases=list(names))

    one, other = (
        _declared(also(*names))
        for names in (("www.example.com", "a.example.com"), ("a.example.com", "www.example.com"))
    )
    domains = ["app.example.com", "a.example.com", "api.example.com", "www.example.com"]
    assert named(one, f"{NAME}-web-certificate").inputs["domains"] == domains
    assert changed(one, other) == set()


SHARED = {"vulcan-prod-web-balancer", "vulcan-prod-fleet-release", "vulcan-prod-project-resources"}
"""What names all hosts, and so changes with their number."""


def test_a_fleet_that_grows_and_shrinks_changes_nothing_that_stays() -> None:
    """VU10."""
    two, three, again = _declared(_hosts(2)), _declared(_hosts(3)), _declared(_hosts(2))
    before, grown = inputs(two), inputs(three)
    new = set(grown) - set(before)
    assert new == {
        f"{NAME}-3-{part}"
        for part in ("droplet", "leaving-wait", "host-bootstrap", "host-apply", "host-firewall-confirm")
    }
    assert {name for name in before if before[name] != grown[name]} == SHARED
    urns = {resource.name: resource.urn for resource in three.graph if resource.custom}
    assert all(urns[resource.name] == resource.urn for resource in two.graph if resource.custom)
    assert again.graph.resources == two.graph.resources


def test_another_host_changes_nothing_of_the_data() -> None:
    def both(number: int) -> Change:
        def change(values: dict[str, Any]) -> None:
            _hosts(number)(values)
            _with_data_hosts(values)

        return change

    two, three = (inputs(_declared(both(number))) for number in (2, 3))
    assert {name for name in two if two[name] != three[name]} == SHARED


def test_a_changed_kind_keeps_what_outlives_it() -> None:
    """The foundation has the same URNs and inputs on one droplet and on a fleet: compute alone is exchanged."""
    fleet, droplet = _declared(), _declared(_on_one_droplet)
    lasting = {one.urn: one for one in fleet.graph if one.kind in FOUNDATION}
    assert len(lasting) == 8
    for urn, resource in lasting.items():
        kept = droplet.graph.get(urn)
        assert kept is not None, resource.name
        assert (kept.inputs, kept.protect) == (resource.inputs, True)
    compute = {one.name for one in droplet.graph if one.kind == "Droplet" and one.custom}
    assert compute == {"vulcan-prod-droplet"}
