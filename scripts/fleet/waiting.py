"""Whether the hosts are free: a coordinator that lives renews its locks, one that was killed does not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from scripts.fleet.bringing import Bringing
from scripts.fleet.calls import Calls
from scripts.fleet.protocol import Holder, LockedError, Status

LOOK_SECONDS = 2.0
RENEWALS = 2
"""As often a lock has to be renewed to show that its owner lives: once, a verb does that ends after its owner."""
MOST_SECONDS = 120.0
GRACE_SECONDS = 5.0
"""Clocks differ, and a host takes its time to say that a lock has expired."""


async def free(calls: Calls, bringing: Bringing) -> dict[str, Status | None]:
    """What all hosts say once nobody holds any of them. LockedError names who does, if they still do something."""
    statuses = await bringing.statuses()
    held = _held(statuses)
    if not held:
        return statuses
    names = ", ".join(sorted({holder.owner for holder in held.values()}))
    if calls.order.take_over:
        calls.progress.say(f"taking over from {names}")
        return statuses
    left = max(_left(calls, host, holder) for host, holder in held.items())
    calls.progress.say(f"held by {names}: waiting for up to {left:.0f} s, when that expires if nobody renews it")
    await _wait(calls, bringing, held, left)
    return await bringing.statuses()


async def _wait(calls: Calls, bringing: Bringing, held: dict[str, Holder], seconds: float) -> None:
    """Wait until the locks are free. One whose time is over is abandoned, also where a verb of its owner runs on."""
    loop, renewed = asyncio.get_running_loop(), Counter[str]()
    until = dict.fromkeys(held, loop.time() + seconds + GRACE_SECONDS)
    while held:
        await asyncio.sleep(LOOK_SECONDS)
        before, held = held, _held({host: await bringing.answer(host, seconds=0) for host in held})
        for host, holder in list(held.items()):
            if holder.expires != before[host].expires:
                renewed[host] += 1
                until[host] = loop.time() + _left(calls, host, holder) + GRACE_SECONDS
            if renewed[host] == RENEWALS:
                raise _refusal(host, holder)
            if loop.time() > until[host]:
                calls.progress.say(f"{host}: {holder.owner} is gone, what still runs of it is ended")
                calls.abandoned.add(host)
                del held[host]


def _held(statuses: Mapping[str, Status | None]) -> dict[str, Holder]:
    """The locks whose owners may be alive."""
    holders = {host: status.holder for host, status in statuses.items() if status is not None}
    return {host: holder for host, holder in holders.items() if holder is not None and holder.alive}


def _left(calls: Calls, host: str, holder: Holder) -> float:
    """For how long a lock is still held if nobody renews it; LockedError for one that ends with its process alone."""
    if holder.expires is None:
        raise _refusal(host, holder)
    return min(max(holder.expires - time.time(), calls.order.expires_in), MOST_SECONDS)


def _refusal(host: str, holder: Holder) -> LockedError:
    ends = "`make recover STACK=… TAKE_OVER=1` ends and undoes it"
    return LockedError(f"release in progress: {holder.owner} ({ends})", host)
