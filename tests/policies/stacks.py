"""Stacks that obey every rule, for tests to break one rule at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plan.secrets import named
from policies.graph import Graph, Resource
from policies.rule import Context
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings

OPEN = ["0.0.0.0/0", "::/0"]
STACK_FILE = Path(__file__).parents[2] / "Pulumi.familyflow.yaml"


def resource(kind: str, name: str = "it", package: str = "digitalocean", **fields: Any) -> Resource:
    """A resource of a type; `fields` are those of `Resource`."""
    types = {"Command": "command:remote:Command"}
    full = types.get(kind, f"{package}:index/{kind[0].lower()}{kind[1:]}:{kind}")
    return Resource(urn=f"urn:pulumi:toy::slipway::{full}::{name}", type=full, name=name, **fields)


def apply(**manifest: Any) -> Resource:
    """The command that hands `manifest` to its host."""
    whole = {"hostname": "web", "files": [], "certificate": {"domains": ["a.example.com"]}, **manifest}
    whole.setdefault("firewall", {"ssh_from": ["203.0.113.7/32"], "tcp": [80, 443]})
    inputs = {"stdin": json.dumps({"scripts": {}, "input": whole}), "connection": {"host": "h", "hostKey": "k"}}
    return resource("Command", "web-apply", inputs=inputs, secret_paths=frozenset({"stdin"}))


def merged(old: Any, new: Any) -> Any:
    """`old` with the keys of `new` over it, mapping by mapping; a key whose new value is None goes."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    both = {key: merged(old.get(key), new[key]) if key in new else old[key] for key in {**old, **new}}
    return {key: value for key, value in both.items() if value is not None}


def settings(stack: str = "familyflow", **changes: Any) -> Settings:
    """FamilyFlow's settings with `changes` of its blocks."""
    file = stackfile.read(STACK_FILE)
    values = merged(dict(file.values), changes)
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


def droplet(**inputs: Any) -> Resource:
    whole = {"tags": ["web"], "monitoring": True, "backups": True, "sshKeys": ["k"], **inputs}
    return resource("Droplet", "machine", inputs=whole)


def cloud_config(**more: Any) -> str:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----"
    return "#cloud-config\n" + json.dumps({"ssh_keys": {"ed25519_private": key}, **more}, ensure_ascii=False)


def command(**inputs: Any) -> Resource:
    return resource("Command", inputs={"connection": {"host": "h", "hostKey": "k"}, "create": "true", **inputs})


def uptime(target: str) -> Resource:
    return resource("UptimeCheck", inputs={"target": target, "type": "https"})


def product(**changes: Any) -> dict[str, Any]:
    return {"product": changes}
