"""How the coordinator asks: one verb of one host or of many side by side, with the lock that each verb renews."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from scripts.fleet.alarm import Alarm
from scripts.fleet.order import Order
from scripts.fleet.progress import Progress
from scripts.fleet.protocol import Fleet, FleetError, LockedError, LostError, Status, VerbError, status_of

SIDE_BY_SIDE = 32
"""Hosts that do something at once: all of most fleets, and a registry that is not overrun by the largest."""
STATUS_SECONDS = 30.0
BEAT_SECONDS = 5.0
"""How often a lock is renewed, and a host noticed that has gone. A few beats may get lost before the lock expires."""
GONE_SECONDS = 60.0
"""For how long a host has said nothing that is not waited for any more, where nothing else ends the waiting."""
LAST = ("finish", "return")
"""After these the host is nobody's."""

Result = TypeVar("Result")


class Calls:
    """Verbs for hosts, in the name of one owner.

    `touched` are hosts that were asked to change something, `abandoned` those whose locks were left by their owners.
    """

    def __init__(self, fleet: Fleet, order: Order, progress: Progress, alarm: Alarm) -> None:
        self.fleet = fleet
        self.order = order
        self.progress = progress
        self.alarm = alarm
        self.hosts = [host.name for host in order.hosts]
        self.leader = self.hosts[0]
        self.touched: set[str] = set()
        self.abandoned: set[str] = set()
        self._held: dict[str, str] = {}
        self._ours: set[str] = set()
        self._gone: dict[str, Alarm] = {}
        self._silent: dict[str, float] = {}
        self._room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def status(self, host: str, release: str | None = None) -> Status:
        """What a host says of itself. With the release that is under way it renews the host's lock."""
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                answer = await self.fleet.call(host, "status", self._message(host, release), lambda line: None)
            return status_of(answer)
        except TimeoutError:
            raise LostError("does not answer any more", host) from None
        except (KeyError, TypeError, ValueError) as error:
            raise VerbError(f"its status is not understood: {error!r}", host) from None

    async def read_only(self, host: str, on: bool) -> None:
        """Have a host refuse what may change something, or take it again, whatever else is under way there."""
        message = self._message(host, None) | {"on": on}
        await self.fleet.call(host, "read-only", message, lambda line: self.progress.heard(host, line))

    async def verb(
        self,
        host: str,
        verb: str,
        release: str,
        previous: str | None,
        request: Mapping[str, Any] | None = None,
        begun: asyncio.Event | None = None,
    ) -> Mapping[str, Any]:
        """Have a host do a verb of a release's way; `begun` is set once the host has said anything, so has its lock."""

        def said(line: Mapping[str, Any]) -> None:
            unheard.cancel()
            self._ours.add(host)
            self._held[host] = release
            if begun is not None:
                begun.set()
            self.progress.heard(host, line)

        # taken over once: whoever takes over from us in turn is not to lose the lock to our next word
        taking = (self.order.take_over or host in self.abandoned) and host not in self._ours
        message = self._message(host, release) | {"previous": previous, "take_over": taking}
        if request is not None:
            message["request"] = {"owner": self.order.owner, "take_over": False, **request}
        async with self._room:
            self.touched.add(host)
            gone = self._gone[host] = Alarm()
            lost = LostError("does not answer any more", host)
            unheard = asyncio.get_running_loop().call_later(GONE_SECONDS, gone.ring, lost)
            if verb == "return":  # it may have to end what runs there, and the host takes two sessions: let it have one
                self._held.pop(host, None)
            else:  # it may wait there for what runs, but not say nothing when it is asked how it is
                unheard.cancel()
                self._held[host] = release
            self.progress.begin(host, verb)
            try:
                async with gone.heard():
                    answer = await self.fleet.call(host, verb, message, said)
            except LockedError:
                self._held.pop(host, None)
                raise
            finally:
                unheard.cancel()
                self.progress.end(host)
        self._ours.add(host)
        if verb in LAST:
            self._held.pop(host, None)
        if begun is not None:
            begun.set()
        return answer

    async def stage(
        self, hosts: Sequence[str], release: str, previous: Mapping[str, str | None], request: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Any]]:
        """Stage on all, side by side once the first has its lock: of two that begin at once, one gets none at all."""
        begun = asyncio.Event()

        async def one(host: str) -> Mapping[str, Any]:
            if host == hosts[0]:
                return await self.verb(host, "stage", release, previous[host], request, begun)
            await begun.wait()
            return await self.verb(host, "stage", release, previous[host], request)

        return await side_by_side(hosts, one)

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """While what is inside goes on, the locks that are held do not expire, and a host that has gone is noticed."""
        task = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            held = dict(self._held)
            await asyncio.gather(*(self._beat(host, release) for host, release in held.items()))

    async def _beat(self, host: str, release: str) -> None:
        try:
            await self.status(host, release)
        except LostError as error:
            if self._held.get(host) == release:
                self._miss(host, error)
        except FleetError:  # the next verb will say so
            return
        else:
            self._silent.pop(host, None)

    def _miss(self, host: str, error: LostError) -> None:
        """End the release while it can be undone; after that only the waiting for this host, and not at once."""
        now = asyncio.get_running_loop().time()
        if self.alarm.listened_to:
            self.alarm.ring(error)
        elif now - self._silent.setdefault(host, now) >= GONE_SECONDS:
            self._gone[host].ring(error)

    def _message(self, host: str, release: str | None) -> dict[str, Any]:
        who = {"fleet": release, "owner": self.order.owner, "leader": host == self.leader}
        return {**who, "expires_in": self.order.expires_in, "previous": None, "take_over": False}


async def side_by_side(hosts: Sequence[str], call: Callable[[str], Awaitable[Result]]) -> dict[str, Result]:
    """The answers of all hosts. The first that fails ends the waiting for the others; its error is raised."""

    async def one(host: str) -> Result:
        return await call(host)

    tasks = {host: asyncio.create_task(one(host)) for host in hosts}
    try:
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    failed = [task for task in tasks.values() if not task.cancelled() and task.exception() is not None]
    for task in failed:
        task.result()
    return {host: task.result() for host, task in tasks.items()}
