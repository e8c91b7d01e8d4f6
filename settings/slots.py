"""Where the containers of each slot are published: on the host's loopback, one port for each replica."""

from __future__ import annotations

from typing import Literal

from settings.product import Product

Slot = Literal["blue", "green"]
BLUE_BASE, GREEN_BASE = 20000, 30000
"""Below the ports that Linux gives to outgoing connections (32768 and above), far enough apart for any product."""


def slot_ports(product: Product) -> dict[str, dict[Slot, tuple[int, int]]]:
    """The first and the last port of each web service in each slot, in the order of the stack file."""
    ports: dict[str, dict[Slot, tuple[int, int]]] = {}
    offset = 0
    for name, service in product.services_of("web").items():
        last = offset + service.replicas - 1
        ports[name] = {
            "blue": (BLUE_BASE + offset, BLUE_BASE + last),
            "green": (GREEN_BASE + offset, GREEN_BASE + last),
        }
        offset = last + 1
    return ports
