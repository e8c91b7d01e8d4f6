"""Where the containers of each slot are published: on the host's loopback, one port for each replica.

A service's ports follow from its own name, as far as that goes: nginx changes its list of ports a moment after the
release that serves has changed, and a port that had moved would lead a visitor to another service meanwhile.
"""

from __future__ import annotations

import zlib
from typing import Literal

from settings.product import Product

Slot = Literal["blue", "green"]
BLUE_BASE, GREEN_BASE = 20000, 30000
"""Below the ports that Linux gives to outgoing connections (32768 and above), far enough apart for any product."""

_MOST = 50
"""Web services, and replicas of each."""


def slot_ports(product: Product) -> dict[str, dict[Slot, tuple[int, int]]]:
    """The first and the last port of each web service in each slot, in the order of the stack file."""
    ports: dict[str, dict[Slot, tuple[int, int]]] = {}
    taken: set[int] = set()
    for name, service in product.services_of("web").items():
        own = zlib.crc32(name.encode())
        place = next((own + step) % _MOST for step in range(_MOST) if (own + step) % _MOST not in taken)
        taken.add(place)
        first, last = place * _MOST, place * _MOST + service.replicas - 1
        ports[name] = {"blue": (BLUE_BASE + first, BLUE_BASE + last), "green": (GREEN_BASE + first, GREEN_BASE + last)}
    return ports
