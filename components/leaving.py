"""Time for a host's last requests to end, before the machine goes."""

from __future__ import annotations

import pulumi
from pulumi_command import local

from components.component import Component


class Leaving(Component):
    """Waits `seconds` between the balancer's leaving a host out and the removal of its `machine`, named by its id.

    The balancer names its hosts and leaves one out while the engine updates; the engine removes after all updates, and
    this before the machine that it is of. Another machine in its place (`--replace`) makes another of these, so the old
    one waits for the old machine. The host is asked for nothing: one that is lost can be removed, too.
    """

    def __init__(
        self, name: str, machine: pulumi.Input[str], seconds: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        local.Command(
            f"{name}-wait",
            create="true",
            delete=f"sleep {seconds}",
            triggers=[machine],
            add_previous_output_in_env=False,
            opts=self.child(ignore_changes=["delete"]),
        )
        self.register_outputs({})
