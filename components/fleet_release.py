"""A release across all hosts of a fleet: on every one of them, or on none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import local

from components.component import Component
from components.keys import Keys
from components.release_parts import RELEASE, RELEASE_COMMAND

PATIENCE = pulumi.CustomTimeouts(create="60m", update="60m")


@dataclass(frozen=True)
class Member:
    """A host of the fleet. `host_key` is its own, as its set-up said."""

    name: str
    address: pulumi.Input[str]
    host_key: pulumi.Input[str]


@dataclass(frozen=True)
class FleetReleaseArgs:
    """`members` in the order in which they are switched: migrations and the scheduler are the first one's.

    `request` is JSON for the hosts' own command, secrets and all; `owner` is who a second release would be told of.
    """

    members: Sequence[Member]
    keys: Keys
    request: pulumi.Input[str]
    owner: str


class FleetRelease(Component):
    """Stages everywhere, migrates once, switches host by host; whatever fails returns all hosts (scripts/fleet)."""

    def __init__(self, name: str, args: FleetReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        local.Command(
            f"{name}-{RELEASE}",
            create=RELEASE_COMMAND,
            stdin=order(args.members, args.keys, args.owner, args.request),
            add_previous_output_in_env=False,
            opts=self.child(custom_timeouts=PATIENCE),
        )
        self.register_outputs({"members": [member.name for member in args.members]})


def order(
    members: Sequence[Member], keys: Keys, owner: str, request: pulumi.Input[str] | None = None
) -> pulumi.Output[str]:
    """What the coordinator is told on standard input, as a secret: who the hosts are, the key to log in with."""
    parts = pulumi.Output.all(
        private_key=keys.deploy_private,
        request=request,
        addresses=[member.address for member in members],
        host_keys=[member.host_key for member in members],
    )
    names = [member.name for member in members]

    def text(made: dict[str, object]) -> str:
        hosts = zip(names, _texts(made["addresses"]), _texts(made["host_keys"]), strict=True)
        content = {
            "hosts": [{"name": name, "address": at, "host_key": key} for name, at, key in hosts],
            "private_key": made["private_key"],
            "owner": owner,
        }
        if made["request"] is not None:
            content["request"] = json.loads(str(made["request"]))
        return json.dumps(content, sort_keys=True)

    told: pulumi.Output[str] = pulumi.Output.secret(parts.apply(text))
    return told


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
