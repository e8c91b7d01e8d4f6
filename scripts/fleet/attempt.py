"""One release of a fleet, from the first host's lock to the last host's end, or back.

Staged everywhere at once, migrated once, started everywhere, switched host by host, committed, and only then finished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from scripts.fleet import checklist
from scripts.fleet.bringing import PATIENCE_SECONDS, Bringing, Outcome
from scripts.fleet.calls import side_by_side
from scripts.fleet.decision import is_committed
from scripts.fleet.protocol import FleetError, Status, VerbError

OBSERVE_SECONDS = 5.0
"""How long visitors are waited for, where there were some before."""


class Attempt:
    """Brings `release` to the hosts that said `before`. What it has to remember, the hosts do."""

    def __init__(
        self, bringing: Bringing, release: str, before: Mapping[str, Status], request: Mapping[str, Any]
    ) -> None:
        self.bringing = bringing
        self.calls = bringing.calls
        self.progress = bringing.calls.progress
        self.release = release
        self.before = before
        self.previous = {host: status.live for host, status in before.items()}
        bringing.requests[release] = request

    async def run(self) -> dict[str, Outcome] | None:
        """What became of each host once the release was committed. None: it was not, and all went back."""
        try:
            async with self.calls.alarm.heard():
                await self._prepare()
            await self._commit()
        except FleetError as error:
            await self._back(error)
            return None
        return await self._forward()

    async def _prepare(self) -> None:
        """All that can be undone, up to every host serving the release and saying so."""
        answers = await self.calls.stage(
            list(self.before), self.release, self.previous, self.bringing.requests[self.release]
        )
        checklist.confirm(checklist.staged(answers), self.progress)
        migrated = await self._verb(self.calls.leader, "migrate")
        checklist.confirm([checklist.dumped(migrated)], self.progress)
        await side_by_side(list(self.before), lambda host: self._verb(host, "start"))
        for host in self.before:
            switched = await self._verb(host, "switch")
            checklist.confirm([checklist.clean(host, switched)], self.progress)
            if checklist.telling(self.before[host].traffic):  # a bad release is to be seen on one host, not on all
                await (self._observe if host == self.calls.leader else self._look)(host)
        await side_by_side(list(self.before), self._observe)

    async def _observe(self, host: str) -> None:
        """Look until enough visitors have met the release, for a while; and whether it is still there."""
        until = asyncio.get_running_loop().time() + OBSERVE_SECONDS
        status = await self._look(host)
        while checklist.telling(self.before[host].traffic) and not checklist.telling(status.traffic):
            if asyncio.get_running_loop().time() > until:
                return
            await asyncio.sleep(1)
            status = await self._look(host)

    async def _look(self, host: str) -> Status:
        """FleetError if visitors are worse off than before, or if the host has booted and so gone back by itself."""
        status = await self.calls.status(host, self.release)
        if status.state is None or (status.state.release.id, status.state.done) != (self.release, "switch"):
            raise VerbError(f"{self.release} is not under way on it any more", host)
        worse = checklist.worse(self.before[host].traffic, status.traffic)
        if worse:
            raise VerbError(worse, host)
        return status

    async def _commit(self) -> None:
        """Decide it. FleetError if it is not committed.

        It is on the leader before anywhere else: so if it is not there, it is nowhere. That we were not told does not
        mean that it is not; the leader is asked, and if it stays silent everybody goes back, it at its next boot.
        """
        try:
            await self._verb(self.calls.leader, "commit")
        except FleetError as error:
            status = await self.bringing.answer(self.calls.leader, PATIENCE_SECONDS)
            if status is None or not is_committed(self.release, [status]):
                raise error from None

    async def _forward(self) -> dict[str, Outcome]:
        """Commit on the others and finish on all, whatever it takes: there is no way back any more."""
        committed = await asyncio.gather(*(self._told(host) for host in self.before))
        ready = [host for host, told in zip(self.before, committed, strict=True) if told]
        return await self.bringing.forward(self.release, self.before, ready)

    async def _told(self, host: str) -> bool:
        if host == self.calls.leader:
            return True
        try:
            await self._verb(host, "commit")
        except FleetError:  # looked at, and done again where it is wanted, as the host is brought forward
            return False
        return True

    async def _back(self, error: FleetError) -> None:
        """Return every host that was asked for anything."""
        self.progress.complain(f"the release failed: {error.describe()}", error.lines)
        targets = {host: self.previous[host] for host in self.before if host in self.calls.touched}
        await self.bringing.back(self.release, targets)

    async def _verb(self, host: str, verb: str) -> Mapping[str, Any]:
        return await self.calls.verb(host, verb, self.release, self.previous[host])
