"""Volumes are let go by their hosts before the cloud detaches them, for other machines to have."""

from __future__ import annotations

from collections.abc import Callable

from scripts.fleet.connections import Connections
from scripts.fleet.order import Order
from scripts.fleet.protocol import LostError


async def unmount(order: Order, say: Callable[[str], None]) -> None:
    """Have each host stop what writes on its volumes and unmount them. FleetError if one that was reached did not.

    One that can't be reached is said and passed over: its volume has to get away from a machine that is lost, too.
    """
    async with Connections(order.hosts, order.private_key) as connections:
        for host in order.hosts:
            before = connections.dialled
            try:
                lines = await connections.run(host.name, "unmount")
            except LostError as error:
                if connections.dialled > before:
                    raise
                lines = [f"{error.reason}: its volume is detached as after a power cut"]
            for line in lines:
                say(f"{host.name}: {line}")
