"""Time for a host's last requests to end, before the machine goes."""

from __future__ import annotations

import pulumi
from pulumi_command import local

from components.component import Component


class Leaving(Component):
    """Waits `seconds` between the balancer's leaving a host out and the machine's removal. It depends on the machine.

    The balancer names its hosts and leaves one out while the engine updates; the engine removes after all updates, and
    this before the machine that it depends on. The host is asked for nothing: one that is lost can be removed, too.
    """

    def __init__(self, name: str, seconds: int, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        local.Command(
            f"{name}-wait",
            create="true",
            delete=f"sleep {seconds}",
            add_previous_output_in_env=False,
            opts=self.child(ignore_changes=["delete"]),
        )
        self.register_outputs({})
