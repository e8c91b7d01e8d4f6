"""What a fleet's coordinator has to know, from the state that the last update left, whether it went well or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.release_parts import BOOTSTRAP, CONFIRM, FLEET_RELEASE, RELEASE_COMMAND
from scripts.pulumi_cli import OperatorError, resources

Resources = Sequence[Mapping[str, Any]]


def order_of(stack: str) -> tuple[dict[str, Any], list[str]]:
    """What the coordinator was told by the last update that went well, but to the hosts that there are now; and the
    names of those that are left out.

    An update whose release fails leaves that order as it was, though it had made hosts before, or one anew. A host that
    is not set up has no part in any release yet. The order holds secrets, so it is in the state alone.
    """
    found = resources(stack)
    orders = [
        inputs["stdin"] for inputs in _inputs(found, "command:local:Command") if inputs["create"] == RELEASE_COMMAND
    ]
    members = [resource["outputs"]["members"] for resource in found if resource["type"] == FLEET_RELEASE]
    if not orders or not members:
        raise OperatorError(f"the stack {stack} has released on no fleet yet: run `pulumi up -s {stack}` first")
    hosts = {name: _host(name, found) for name in members[0]}
    there = [host for host in hosts.values() if host is not None]
    if not there:
        raise OperatorError(f"none of the hosts of {stack} is set up: run `pulumi up -s {stack}` first")
    return json.loads(orders[0]) | {"hosts": there}, [name for name, host in hosts.items() if host is None]


def _host(name: str, found: Resources) -> dict[str, str] | None:
    """Where a host is and by which key it is known; None where its set-up has not come to its end on this machine."""
    commands = {resource["urn"].rpartition("::")[2]: resource["inputs"] for resource in found if "inputs" in resource}
    begun, ended = (commands.get(f"{name}-host-{part}") for part in (BOOTSTRAP, CONFIRM))
    if begun is None or ended is None or begun["triggers"] != ended["triggers"]:
        return None
    return {"name": name, "address": ended["connection"]["host"], "host_key": ended["connection"]["hostKey"]}


def _inputs(found: Resources, kind: str) -> list[Mapping[str, Any]]:
    return [resource["inputs"] for resource in found if resource["type"] == kind]
