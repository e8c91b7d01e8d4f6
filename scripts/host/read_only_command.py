"""`slipway read-only on|off`: who only reads is served on, whatever may change something is refused (read_only.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from . import durable, read_only
from .compose_config import ComposeConfig
from .kinds import AnyConfig
from .ledger import now
from .release_config import SLOTS, Layout
from .run import HostError, run
from .session import HERE, Place

TAKEN_IN = 1.0
"""Seconds after which nginx has handed on what it had begun to take in."""
LONGEST = 15.0
"""Seconds after which what has not ended is most likely a stream or a WebSocket, which ends when its visitor likes."""
POLL = 0.2

Say = Callable[[str], None]


def main(argv: list[str], place: Place = HERE) -> int:
    """Switch it on or off, and say how it is."""
    if argv not in (["on"], ["off"], []):
        raise HostError("usage: slipway read-only [on | off]")
    layout, config = place.layout()
    if argv:
        switch(layout, config, argv == ["on"], print)
    print(read_only.note(layout) or "not read-only: requests that may change something are served")
    if late := read_only.late(layout):
        print(late)
    return 0


def switch(layout: Layout, config: AnyConfig, on: bool, say: Say) -> None:
    """Let nobody write, or let them again. After `on` no request that had begun before is still being answered, or it
    is said how many are."""
    if not on:
        durable.remove(layout.read_only)
        return
    if not read_only.is_known(layout):
        raise HostError("the release that serves has routes from before this switch: release once more, then shut it")
    if read_only.since(layout) is None:
        durable.write(layout.read_only, f"{now()}\n", 0o644)
    _wait(layout, config, say)


def _wait(layout: Layout, config: AnyConfig, say: Say) -> None:
    """Until what the services were asked before has been answered. A connection to one never outlives its request."""
    began = time.monotonic()
    time.sleep(TAKEN_IN)
    before = asked(layout, config)
    while before and time.monotonic() - began < LONGEST:
        time.sleep(POLL)
        before &= asked(layout, config)
    waited = time.monotonic() - began
    if before:
        say(f"{len(before)} requests from before go on after {waited:.0f} s: streams and WebSockets, or slow answers")
    else:
        say(f"every request from before has been answered after {waited:.1f} s")


def asked(layout: Layout, config: AnyConfig) -> set[str]:
    """The connections that nginx has to the services now, each by what tells it from all others."""
    if isinstance(config, ComposeConfig):
        ports = {port for service in config.services for slot in SLOTS for port in service.slot_ports(slot)}
        return set(_to_ports({f"127.0.0.1:{port}" for port in ports}))
    return set(_to_sockets(f"{layout.releases}/"))


def _to_ports(addresses: set[str]) -> Iterator[str]:
    for line in _connections("--tcp", "--numeric"):
        local, peer = line.split()[2:4]
        if peer in addresses:
            yield local


def _to_sockets(releases: str) -> Iterator[str]:
    """A release listens on <its directory>/run/<service>.sock; a connection has a number of its own."""
    for line in _connections("--unix"):
        path, number = line.split()[-4:-2]
        if path.startswith(releases) and "/run/" in path:
            yield number


def _connections(*kind: str) -> list[str]:
    return run(["ss", "--no-header", *kind, "state", "established"], timeout=10).stdout.splitlines()
