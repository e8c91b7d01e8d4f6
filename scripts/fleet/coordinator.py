"""What can be asked of a fleet: a release, a return, a recovery. All that has to be remembered is on the hosts."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

from scripts.fleet import checklist
from scripts.fleet.attempt import Attempt
from scripts.fleet.bringing import Bringing, Outcome
from scripts.fleet.calls import Calls
from scripts.fleet.decision import Decision, decide, previous_of, uncommitted, way
from scripts.fleet.protocol import FleetError, LockedError, Status
from scripts.fleet.waiting import free

ROUNDS = 8
"""More than any mix takes: a return for each release that was begun, a way to each that serves, a last look."""

Statuses = Mapping[str, Status | None]


class Coordinator:
    """Each method says whether every host serves one release: that which was asked for, if one was."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.progress = calls.progress
        self.bringing = Bringing(calls)
        self.given_up: set[str] = set()

    async def release(self) -> bool:
        """Bring the order's request to serve on every host. If it fails, all of them serve what they did before."""
        request = self.calls.order.request
        if request is None:
            raise FleetError("request: what is to be released is missing")
        statuses, clean = await self._settled(joining=False)
        if all(status is not None and status.serves(request) for status in statuses.values()):
            self.progress.say("already serving on every host")
            return clean
        if _only_new_hosts_lack(request, statuses):
            async with self.calls.renewing():
                return (await self._mended(statuses, joining=True))[1]
        checklist.confirm(checklist.before(statuses, request), self.progress)
        release = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self.progress.say(f"releasing {release} on {', '.join(statuses)}")
        async with self.calls.renewing():
            outcomes = await Attempt(self.bringing, release, _known(statuses), request).run()
            return outcomes is not None and await self._concluded(release, outcomes)

    async def recover(self) -> bool:
        """Finish or undo what an earlier coordinator left. A host that serves nothing gets what the others serve."""
        statuses, clean = await self._settled(joining=True)
        return clean and None not in statuses.values()

    async def rollback(self) -> bool:
        """Return every host that answers to the release that served before. One that is off follows by `recover`."""
        statuses, _ = await self._settled(joining=True)
        known = _known(statuses)
        if any(status.state is not None for status in known.values()):
            raise FleetError("what an earlier release left has to be recovered first, see above")
        target = previous_of(list(known.values()), self.bringing.requests)
        if target is None:
            raise FleetError("there is no release before this one that every host has served")
        self.progress.say(f"returning to {target} on {', '.join(known)}")
        async with self.calls.renewing():
            outcomes = await self.bringing.forward(target, known)
            return await self._concluded(target, outcomes) and len(known) == len(statuses)

    async def status(self) -> bool:
        """Only look."""
        async with self.calls.alarm.heard():
            statuses = await self.bringing.statuses()
        answers = [status for status in statuses.values() if status is not None and status.state is None]
        return len(answers) == len(statuses) and len({status.live for status in answers}) == 1

    async def read_only(self, on: bool) -> bool:
        """Switch on every host, side by side. FleetError names those that did not; the others have."""
        found = await asyncio.gather(
            *(self.calls.read_only(host, on) for host in self.calls.hosts), return_exceptions=True
        )
        failed = [error for error in found if isinstance(error, BaseException)]
        for error in failed:
            if not isinstance(error, FleetError):
                raise error
        if failed:
            reasons = "; ".join(error.describe() for error in failed if isinstance(error, FleetError))
            switched = f"{len(found) - len(failed)} of {len(found)} hosts"
            raise FleetError(f"read-only is {'on' if on else 'off'} on {switched} alone: {reasons}")
        return True

    async def table(self) -> None:
        """Say which release each host has."""
        rows = {}
        for host, status in (await self.bringing.statuses(0)).items():
            rows[host] = "does not answer" if status is None else status.live or "serves nothing"
            if status is not None and status.state is not None:
                rows[host] += f", {status.state.release.id} is under way (step {status.state.step})"
            if status is not None and status.read_only is not None:
                rows[host] += f", read-only since {status.read_only}"
        self.progress.table(rows)

    async def report(self) -> dict[str, Any]:
        """What each host serves, for programs: its id and what it is made of. None: it does not answer."""
        found: dict[str, Any] = {}
        for host, status in (await self.bringing.statuses()).items():
            live = status.known(status.live) if status is not None else None
            found[host] = None if status is None else {"release": status.live}
            if live is not None:
                found[host] |= {"images": dict(live.images), "versions": dict(live.versions)}
        return found

    async def _settled(self, joining: bool) -> tuple[Statuses, bool]:
        """What the hosts say once nothing is under way, and whether that could be brought about."""
        async with self.calls.alarm.heard():
            statuses = await free(self.calls, self.bringing)
        async with self.calls.renewing():
            return await self._mended(statuses, joining)

    async def _concluded(self, release: str, outcomes: Mapping[str, Outcome]) -> bool:
        """Whether all are there. If one that answers can't get there, all go where all can."""
        if any(outcome.failed for outcome in outcomes.values()):
            self.given_up.add(release)
            await self._mended(await self.bringing.statuses(), joining=True)
        return all(outcome.done for outcome in outcomes.values())

    async def _mended(self, statuses: Statuses, joining: bool) -> tuple[Statuses, bool]:
        """Act on what the hosts say until there is nothing to do. A host that serves nothing is new, or `joining`."""
        for _ in range(ROUNDS):
            known = {
                host: status for host, status in _known(statuses).items() if joining or status.live or status.state
            }
            decision = decide(known.values(), self.bringing.requests, self.given_up)
            if decision.course == "nothing":
                return statuses, not self.given_up
            if decision.course == "stuck":
                serving = ", ".join(f"{host} {status.live}" for host, status in known.items())
                raise FleetError(f"the hosts serve different releases, and none that all can get to: {serving}")
            outcomes = await self._act(decision, known)
            for outcome in outcomes.values():
                if isinstance(outcome.error, LockedError):
                    raise outcome.error
            failed = any(outcome.failed for outcome in outcomes.values())
            statuses = await self.bringing.statuses()
            if failed and decision.course == "return":
                break
            if failed:
                self.given_up.add(decision.release)
        return statuses, False

    async def _act(self, decision: Decision, known: Mapping[str, Status]) -> dict[str, Outcome]:
        release = decision.release
        if decision.course == "forward":
            hosts = [host for host, status in known.items() if way(status, release, stageable=True)]
            self.progress.say(f"going forward to {release}: {', '.join(hosts)}")
            return await self.bringing.forward(release, hosts)
        self.progress.say(f"{release} was interrupted, and no host has committed it: returning from it")
        states = {host: status.state for host, status in known.items() if uncommitted(status, release)}
        return await self.bringing.back(release, {host: state.previous for host, state in states.items() if state})


def _only_new_hosts_lack(request: Mapping[str, Any], statuses: Statuses) -> bool:
    """Whether all that is wanted serves already, but for hosts that serve nothing yet."""
    lacking = [status for status in statuses.values() if status is None or not status.serves(request)]
    new = all(status is not None and status.live is None and status.state is None for status in lacking)
    return new and len(lacking) < len(statuses)


def _known(statuses: Statuses) -> dict[str, Status]:
    return {host: status for host, status in statuses.items() if status is not None}
