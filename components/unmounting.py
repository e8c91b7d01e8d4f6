"""A volume is let go by its host before the cloud takes it away."""

from __future__ import annotations

import pulumi
from pulumi_command import local

from components.component import Component
from components.fleet_release import Member, order
from components.keys import Keys
from components.release_parts import COORDINATOR


class Unmounting(Component):
    """Before the `attachment`, named by its id, goes: what writes on the host's volume is stopped, and it is unmounted.

    Another machine takes the volume while the old one still runs, so the engine removes this first, and then the
    attachment. `host` is found at the machine's own address: one that stays may lead to the new machine already. A host
    that can't be reached holds nothing up (scripts/fleet/unmounting.py).
    """

    def __init__(
        self,
        name: str,
        host: Member,
        attachment: pulumi.Input[str],
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        local.Command(
            f"{name}-order",
            create="true",
            delete=f"{COORDINATOR} unmount",
            stdin=order([host], keys, "pulumi"),
            triggers=[attachment],
            add_previous_output_in_env=False,
            opts=self.child(),
        )
        self.register_outputs({})
