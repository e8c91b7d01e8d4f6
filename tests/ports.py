"""Ports for the servers that tests start: none that another worker of the same run, or an outgoing connection, gets."""

from __future__ import annotations

import os
import random
import socket
from itertools import cycle

_FIRST, _LAST = 10_000, 32_768
"""Below the range from which Linux takes the ports of outgoing connections (net.ipv4.ip_local_port_range)."""
_EACH = 1000
"""Ports of one worker."""


def _mine() -> range:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker % ((_LAST - _FIRST) // _EACH) * _EACH
    return range(first, first + _EACH)


_order = list(_mine())
random.shuffle(_order)  # two runs at once on one machine are rarely at the same place
_next = cycle(_order)


def free_port() -> int:
    """A port on which nobody listens now. It is not given again before all the others were."""
    for _ in range(_EACH):
        port = next(_next)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("", port))
                udp.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"somebody listens on every port from {_order[0]}")
