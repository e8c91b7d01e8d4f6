"""`slipway drain` and `undrain`: this host leaves the balancer's rotation before it is removed, or comes back.

nginx answers the balancer's health checks with 503 while the file `drained` is there. A release that ends well removes
it: a host that is released to is one that is to serve.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address

from . import durable
from .compose_config import ComposeConfig, ComposeLayout
from .run import HostError, run
from .session import HERE, Place

NOTICED = 22.0
"""Seconds in which a balancer that asks every ten has missed two answers: nobody new comes after."""
LONGEST = 40.0
"""Seconds after which the rest are those that never end by themselves, such as event streams."""
POLL = 1.0


def main(argv: list[str], place: Place = HERE) -> int:
    """Have the balancer send nobody here any more, and wait until those who are here have gone."""
    layout, config = _fleet_host(place)
    durable.write(layout.drained, "", 0o644)
    began = time.monotonic()
    while (waited := time.monotonic() - began) < LONGEST:
        if waited >= NOTICED and not visitors(config.front.port):
            print(f"drained: nobody is connected after {waited:.0f} s")
            return 0
        time.sleep(POLL)
    print(f"drained: {len(visitors(config.front.port))} connections are left after {LONGEST:.0f} s")
    return 0


def undrain(argv: list[str], place: Place = HERE) -> int:
    """Let the balancer send visitors here again."""
    layout, _ = _fleet_host(place)
    durable.remove(layout.drained)
    print("the balancer sends visitors here again when its next checks have been answered")
    return 0


def visitors(port: int) -> list[str]:
    """Who is connected to this port from outside, by address and port."""
    which = ["state", "established", f"( sport = :{port} )"]
    lines = run(["ss", "--no-header", "--tcp", "--numeric", *which], timeout=10).stdout.splitlines()
    return list(_from_outside(lines))


def _from_outside(lines: list[str]) -> Iterator[str]:
    for line in lines:
        peer = line.split()[-1]
        host = peer.rpartition(":")[0].strip("[]").partition("%")[0]
        if not ip_address(host.removeprefix("::ffff:")).is_loopback:
            yield peer


def _fleet_host(place: Place) -> tuple[ComposeLayout, ComposeConfig]:
    layout, config = place.layout()
    if not isinstance(layout, ComposeLayout) or not isinstance(config, ComposeConfig):
        raise HostError("this host is not behind a balancer")
    return layout, config
