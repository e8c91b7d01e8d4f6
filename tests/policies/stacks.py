"""Stacks that obey every rule, for tests to break one rule at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from plan.secrets import named
from policies.graph import Graph, Resource
from policies.rule import Context
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings

ROOT = Path(__file__).parents[2]
OPEN = ["0.0.0.0/0", "::/0"]
ADMINS = ["203.0.113.7/32"]


class Case(NamedTuple):
    """Stacks that break a rule, and stacks that obey it."""

    rule: str
    breaking: list[Context]
    fine: list[Context]


def resource(kind: str, name: str = "it", package: str = "digitalocean", **fields: Any) -> Resource:
    """A resource of a type; `fields` are those of `Resource`."""
    types = {"Command": "command:remote:Command"}
    full = types.get(kind, f"{package}:index/{kind[0].lower()}{kind[1:]}:{kind}")
    return Resource(urn=f"urn:pulumi:toy::slipway::{full}::{name}", type=full, name=name, **fields)


def apply(on: Resource | None = None, **manifest: Any) -> Resource:
    """The command that hands `manifest` to its host, which is the droplet `on`."""
    whole = {"hostname": "web", "files": [], "certificate": {"domains": ["a.example.com"]}, **manifest}
    whole.setdefault("firewall", {"ssh_from": ["203.0.113.7/32"], "tcp": [80, 443]})
    inputs = {"stdin": json.dumps({"scripts": {}, "input": whole}), "connection": {"host": "h", "hostKey": "k"}}
    triggers = {"triggers": (on.urn,)} if on else {}
    secret = frozenset({"stdin"})
    return resource("Command", "web-apply", inputs=inputs, secret_paths=secret, property_dependencies=triggers)


def compose(path: str = "/opt/a/compose.yaml", **services: Any) -> dict[str, Any]:
    """A compose file as a manifest has it."""
    return {"path": path, "content": json.dumps({"services": services})}  # JSON is YAML


def merged(old: Any, new: Any) -> Any:
    """`old` with the keys of `new` over it, mapping by mapping; a key whose new value is None goes."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    both = {key: merged(old.get(key), new[key]) if key in new else old[key] for key in {**old, **new}}
    return {key: value for key, value in both.items() if value is not None}


def settings(stack: str = "familyflow", file: str = "familyflow", **changes: Any) -> Settings:
    """The settings of a stack file that is shipped, FamilyFlow's by default, with `changes` of its blocks."""
    values = merged(dict(stackfile.read(ROOT / f"Pulumi.{file}.yaml").values), changes)
    return parse(stack, values, frozenset(named(values)))


def context(*resources: Resource, of: Settings | None = None, monthly: float | None = None) -> Context:
    """What a rule looks at."""
    return Context(Graph(resources), of, monthly)


def inbound(ports: str | None, sources: list[str], protocol: str = "tcp") -> dict[str, Any]:
    return {"protocol": protocol, "portRange": ports, "sourceAddresses": sources}


def firewall(*rules: dict[str, Any], **inputs: Any) -> Resource:
    outbound = [{"protocol": "tcp", "portRange": "all"}]
    return resource(
        "Firewall", inputs={"inboundRules": list(rules), "outboundRules": outbound, "tags": ["web"], **inputs}
    )


def droplet(name: str = "machine", **inputs: Any) -> Resource:
    whole = {"tags": ["web"], "monitoring": True, "backups": True, "sshKeys": ["k"], **inputs}
    return resource("Droplet", name, inputs=whole)


def balancer(*forwards: dict[str, Any], on: tuple[Resource, ...] = (), **inputs: Any) -> Resource:
    """A balancer in front of the droplets `on`."""
    whole = {"forwardingRules": list(forwards), "dropletIds": list(range(len(on))), **inputs}
    urns = {"dropletIds": tuple(droplet.urn for droplet in on)}
    return resource("LoadBalancer", inputs=whole, property_dependencies=urns, protect=True)


def cloud_config(**more: Any) -> str:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----"
    return "#cloud-config\n" + json.dumps({"ssh_keys": {"ed25519_private": key}, **more}, ensure_ascii=False)


def command(**inputs: Any) -> Resource:
    return resource("Command", inputs={"connection": {"host": "h", "hostKey": "k"}, "create": "true", **inputs})


def uptime(target: str) -> Resource:
    return resource("UptimeCheck", inputs={"target": target, "type": "https"})


def product(**changes: Any) -> dict[str, Any]:
    return {"product": changes}
