"""Hosts on their way to a release, each at its own pace: whatever fails is looked at and tried again, for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.fleet.calls import Calls
from scripts.fleet.decision import Move, way
from scripts.fleet.protocol import FleetError, LockedError, LostError, Status, VerbError

ANSWER_SECONDS = 20.0
"""How long a host may take to answer at all, before anything is begun."""
PATIENCE_SECONDS = 60.0
"""How long a host that has gone is waited for, once it matters to all what becomes of it."""
REFUSALS = 3
"""After as many a host that answers is not asked again."""
LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Outcome:
    """What became of a host: `done`, or why not."""

    done: bool
    error: FleetError | None = None

    @property
    def failed(self) -> bool:
        """Whether it answers, and can't get there."""
        return isinstance(self.error, VerbError)


DONE = Outcome(True)


class Bringing:
    """Brings hosts to releases. `requests` has what asks for a release anew, by all that hosts have said so far."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.requests: dict[str, Mapping[str, Any]] = {}

    async def statuses(self, seconds: float = ANSWER_SECONDS) -> dict[str, Status | None]:
        """What every host says; None for one that does not answer within this time."""
        found = await asyncio.gather(*(self.answer(host, seconds) for host in self.calls.hosts))
        return dict(zip(self.calls.hosts, found, strict=True))

    async def answer(self, host: str, seconds: float) -> Status | None:
        """What one host says, None if it does not answer within this time."""
        until = _now() + seconds
        for pause in pauses():
            try:
                return self._learn(await self.calls.status(host))
            except FleetError as error:
                if _now() + pause > until:
                    self.calls.progress.complain(error.describe(), error.lines)
                    return None
            await asyncio.sleep(pause)
        return None

    async def forward(self, release: str, hosts: Iterable[str], ready: Collection[str] = ()) -> dict[str, Outcome]:
        """Bring hosts to `release` side by side. Those that are `ready` have committed it."""
        finish = (Move("finish", release),)
        return await self._each({host: (release, finish if host in ready else None) for host in hosts})

    async def back(self, release: str, targets: Mapping[str, str | None]) -> dict[str, Outcome]:
        """Return hosts from `release`, each to what it served before, side by side."""
        ways = {host: (target, (Move("return", release, target),)) for host, target in targets.items()}
        return await self._each(ways)

    async def _each(self, ways: Mapping[str, tuple[str | None, Sequence[Move] | None]]) -> dict[str, Outcome]:
        brought = (self._bring(host, target, moves) for host, (target, moves) in ways.items())
        outcomes = dict(zip(ways, await asyncio.gather(*brought), strict=True))
        for outcome in outcomes.values():
            if outcome.error is not None:
                self.calls.progress.complain(outcome.error.describe(), outcome.error.lines)
        return outcomes

    async def _bring(self, host: str, target: str | None, moves: Sequence[Move] | None) -> Outcome:
        """Make these moves; where that fails, look where the host is and go on from there."""
        until, refused = _now() + PATIENCE_SECONDS, 0
        for pause in pauses():
            try:
                if moves is None:
                    moves = self._way(host, target, await self._status(host))
                for move in moves:
                    request = self.requests[move.release] if move.verb == "stage" else None
                    await self.calls.verb(host, move.verb, move.release, move.previous, request)
                return DONE
            except LockedError as error:
                return Outcome(False, error)
            except (LostError, VerbError) as error:
                refused += isinstance(error, VerbError)
                if refused == REFUSALS or _now() + pause > until:
                    return Outcome(False, error)
            moves = None
            await asyncio.sleep(pause)
        return DONE

    async def _status(self, host: str) -> Status:
        return self._learn(await self.calls.status(host))

    def _way(self, host: str, target: str | None, status: Status) -> Sequence[Move]:
        moves = way(status, target, target in self.requests)
        if moves is None:
            raise VerbError(f"there is no way to {target} from {status.live}", host)
        return moves

    def _learn(self, status: Status) -> Status:
        for release in (*status.served, *([status.state.release] if status.state else [])):
            if release.request is not None:
                self.requests[release.id] = release.request
        return status


def pauses() -> Iterator[float]:
    """Ever longer, so that a host that comes back is met soon, and one that does not is not pestered."""
    pause = 0.5
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _now() -> float:
    return asyncio.get_running_loop().time()
