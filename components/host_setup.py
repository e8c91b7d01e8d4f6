"""A machine becomes a host of the product, and the product is released on it: four connections at the first `up`.

A host of a fleet is prepared here and released with the others (fleet_release.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_command import remote

from components.component import Component
from components.keys import Keys
from components.release_parts import BOOTSTRAP, CONFIRM, RELEASE
from hostfiles import bundle

USER = "deploy"
HOST_COMMAND = "sudo -n /usr/local/sbin/slipway"
"""What the apply installs: later steps need no loader."""
PATIENCE = pulumi.CustomTimeouts(create="40m", update="40m")
"""Installing packages and building a product on a small machine takes minutes; the default would give up after ten."""


@dataclass(frozen=True)
class HostSetupArgs:
    """`manifest` is a bundle for the host's command `apply`, `release` is JSON for `release`, secrets and all.

    Without a `release` the host is only prepared.
    """

    machine: pulumi.Input[str]
    address: pulumi.Input[str]
    keys: Keys
    manifest: pulumi.Input[str]
    release: pulumi.Input[str] | None = None


class HostSetup(Component):
    """Waits for the machine, has it make its host key, applies the manifest, proves it can be reached, releases."""

    def __init__(self, name: str, args: HostSetupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        bootstrap = remote.Command(
            f"{name}-{BOOTSTRAP}",
            connection=self._connection(args, args.keys.first_host_public),
            create=bundle.loader_command("bootstrap"),
            stdin=bundle.bundle(None),
            triggers=[args.machine],
            add_previous_output_in_env=False,  # sshd takes no such variables
            # the first host key is gone after this: whatever else changes, only a new machine is set up this way again
            opts=self.child(ignore_changes=["connection", "create", "stdin"], custom_timeouts=PATIENCE),
        )
        self.host_key = bootstrap.stdout.apply(str.strip)
        connection = self._connection(args, self.host_key)
        apply = remote.Command(
            f"{name}-apply",
            connection=connection,
            create=bundle.loader_command("apply"),
            stdin=pulumi.Output.secret(args.manifest),
            triggers=[args.machine],
            add_previous_output_in_env=False,  # sshd takes no such variables
            opts=self.child(custom_timeouts=PATIENCE),
        )
        confirm = remote.Command(
            f"{name}-{CONFIRM}",
            connection=connection,
            create=f"{HOST_COMMAND} firewall-confirm",
            stdin=_firewall(args.manifest),
            triggers=[args.machine],
            add_previous_output_in_env=False,  # sshd takes no such variables
            opts=self.child(depends_on=[apply]),
        )
        if args.release is not None:
            remote.Command(
                f"{name}-{RELEASE}",
                connection=connection,
                create=f"{HOST_COMMAND} release",
                stdin=pulumi.Output.secret(args.release),
                triggers=[args.machine],
                add_previous_output_in_env=False,  # sshd takes no such variables
                opts=self.child(depends_on=[confirm], custom_timeouts=PATIENCE),
            )
        self.register_outputs({"host_key": self.host_key})

    def _connection(self, args: HostSetupArgs, host_key: pulumi.Input[str]) -> remote.ConnectionArgs:
        return remote.ConnectionArgs(
            host=args.address,
            user=USER,
            private_key=args.keys.deploy_private,
            host_key=host_key,
            dial_error_limit=120,  # a new machine takes minutes; the default gives up after about eleven seconds
            per_dial_timeout=15,
        )


def _firewall(manifest: pulumi.Input[str]) -> pulumi.Output[str]:
    """The host's own firewall as its manifest has it, and no secret: whenever that changes, it is confirmed again.

    Rules that nobody confirms put themselves back.
    """
    rules = pulumi.Output.from_input(manifest).apply(
        lambda text: json.dumps(bundle.content_of(text)["firewall"], sort_keys=True)
    )
    return pulumi.Output.unsecret(rules)
