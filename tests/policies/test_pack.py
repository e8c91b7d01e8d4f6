"""The rules as a Pulumi policy pack: what the policy package hands over is what the rules look at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from policies.graph import UNKNOWN
from policies.pack import resource, validator
from policies.rules import RULES


class UnknownValueError(Exception):
    """What the policy package raises where a value is not known yet."""


class Proxy(Mapping[str, Any]):
    """A mapping as the policy package hands it over: what is not known raises."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        if self._values[key] is None:
            raise UnknownValueError(key)
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def item(
    kind: str, props: Mapping[str, Any], protect: bool = False, dependencies: tuple[Any, ...] = (), name: str = "it"
) -> Any:
    return SimpleNamespace(
        urn=f"urn:pulumi:toy::slipway::digitalocean:index/x:{kind}::{name}",
        resource_type=f"digitalocean:index/{kind[0].lower()}{kind[1:]}:{kind}",
        name=name,
        parent=SimpleNamespace(urn="urn::parent"),
        props=props,
        opts=SimpleNamespace(protect=protect, ignore_changes=["userData"], aliases=[]),
        dependencies=list(dependencies),
        property_dependencies={"rules": list(dependencies)},
    )


def reported(rule_id: str, *items: Any) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    rule = next(rule for rule in RULES if rule.id == rule_id)
    validator(rule)(SimpleNamespace(resources=list(items)), lambda message, urn: found.append((message, urn)))
    return found


def test_a_policy_reports_the_message_and_the_resource() -> None:
    volume = item("Volume", {"size": 10.0})
    assert reported("unprotected-data", volume) == [
        ("it: is a volume without protection: opts with protect=True", volume.urn)
    ]
    assert reported("unprotected-data", item("Volume", {}, protect=True)) == []


def test_what_is_not_known_yet_stops_no_policy() -> None:
    rules = [Proxy({"protocol": "tcp", "portRange": "22", "sourceAddresses": ["0.0.0.0/0"], "sourceTags": None})]
    found = reported("public-ssh", item("Firewall", Proxy({"id": None, "inboundRules": rules})))
    assert [message for message, _ in found] == [
        "it: lets 0.0.0.0/0 try SSH: name your own ranges in slipway:access.admin_cidrs"
    ]


def host_of(droplet: Any, **manifest: Any) -> Any:
    """The command that tells a droplet what to be, as the policy package hands it over: with plain secrets."""
    whole = {"hostname": "web", "files": [], **manifest}
    command = item("Command", Proxy({"stdin": json.dumps({"input": whole}), "stdout": None}), name="web-apply")
    command.resource_type = "command:remote:Command"
    command.property_dependencies = {"triggers": [droplet]}
    return command


def test_a_host_that_a_balancer_alone_reaches_needs_no_certificate() -> None:
    droplet = item("Droplet", Proxy({"tags": ["web"], "id": None}))
    command = host_of(droplet, firewall={"tcp": [80]}, certificate=None)
    rule = Proxy({"protocol": "tcp", "portRange": "80", "sourceLoadBalancerUids": [UNKNOWN], "sourceTags": None})
    firewall = item("Firewall", Proxy({"inboundRules": [rule], "tags": ["web"]}))
    assert reported("plain-http", droplet, command, firewall) == []
    found = reported("plain-http", droplet, command)
    assert [message for message, _ in found] == [
        "web-apply: web serves HTTP and has no certificate: "
        "a manifest with `certificate`, or a firewall that lets in the balancer alone"
    ]


def test_the_compose_files_that_land_on_a_host_are_read() -> None:
    files = [{"path": "/opt/a/data.yaml", "content": "services: {db: {image: 'postgres:17', ports: ['5432:5432']}}"}]
    command = host_of(item("Droplet", {}), files=files)
    for rule_id in ("published-port", "unpinned-release"):
        assert [urn for _, urn in reported(rule_id, command)] == [command.urn]


def test_a_resource_arrives_whole() -> None:
    other = item("Tag", {})
    got = resource(item("Volume", Proxy({"size": 10.0, "id": None}), protect=True, dependencies=(other,)))
    assert got.inputs == {"size": 10, "id": UNKNOWN}
    assert got.protect
    assert got.parent == "urn::parent"
    assert got.dependencies == (other.urn,)
    assert got.property_dependencies == {"rules": (other.urn,)}
    assert got.ignore_changes == ("userData",)


def test_rules_that_need_the_stack_file_stay_silent_without_it() -> None:
    for rule_id in ("budget", "no-outside-check", "untrusted-certificate"):
        assert reported(rule_id, item("Droplet", {})) == []


def test_marks_of_secrets_are_not_guessed() -> None:
    assert reported("plain-secret", item("DatabaseUser", {"password": "x"})) == []
