"""A fleet for the coordinator: hosts that are asked over connections, and trouble on demand at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.fleet.protocol import LostError, Said, VerbError
from tests.scripts.fake_fleet_host import FakeHost

AGAIN_SECONDS = 8.0
"""How long a host takes to be back that lost its power for a moment."""
WAY_SECONDS = 0.01
ANYWHERE = ("off", "rebooted", "failed")
"""What can happen at any moment of a verb: the power goes, for good or for a moment; it fails."""
AT_ENDS = ("lost", "killed")
"""What can also happen before a host has heard a verb and after it has done it. In between, the host goes on."""
UNDOES = ("stage", "migrate", "start", "switch")
"""Verbs that a host undoes by itself if they fail, unless they "fail badly" and it can't even do that."""
BADLY = ("failed badly",)


class KilledError(BaseException):
    """The coordinator is killed here: nothing of it runs any more, not even its clean-up."""


@dataclass
class Trouble:
    """What happens at which point, by its number or name; `passed` are those so far, with what may happen there."""

    plan: dict[int | str, str] = field(default_factory=dict)
    passed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def point(self, name: str, kinds: tuple[str, ...]) -> str | None:
        """Pass a point; what happens there."""
        number = len(self.passed)
        self.passed.append((name, kinds))
        return self.plan.get(number) or self.plan.pop(name, None)


class Process:
    """What a coordinator asks the fleet by. Once it is killed it hears nothing and asks nothing, whatever it awaits."""

    def __init__(self, fleet: FakeFleet) -> None:
        self.fleet = fleet
        self.killed = False

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        """See Fleet."""

        def heard(line: Mapping[str, Any]) -> None:
            if not self.killed:
                said(line)

        try:
            self._live()
            self.fleet.asked.append((host, verb))
            await asyncio.sleep(WAY_SECONDS)
            self._live()
            answer = await self.fleet.call(host, verb, message, heard)
        except KilledError:
            self.killed = True
            raise
        finally:
            self._live()
        return answer

    def _live(self) -> None:
        if self.killed:
            raise KilledError


class FakeFleet:
    """See Fleet. Verbs take no time unless a host `takes` some; every verb passes points at which trouble may come."""

    def __init__(self, names: list[str], clock: Callable[[], float]) -> None:
        self.hosts = {name: FakeHost(name, clock) for name in names}
        self.trouble = Trouble()
        self.asked: list[tuple[str, str]] = []

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        machine = self.hosts[host]
        while machine.stalled:
            await asyncio.sleep(1)
        self._end_point(machine, verb, "before")
        if verb == "status":
            return machine.status(message)
        if verb == "read-only":
            machine.read_only = "2026-11-21T10:00:00Z" if message["on"] else None
            return {"note": None}
        machine.acquire(message)
        machine.recover(message["fleet"])
        said({"begin": verb})
        await self._take_its_time(machine, verb)
        try:
            answer = self._work(machine, verb, message)
        finally:
            machine.keep_or_free(message["fleet"])
        self._end_point(machine, verb, "after")
        return answer

    async def _take_its_time(self, machine: FakeHost, verb: str) -> None:
        """Whoever is killed meanwhile is not there any more, but the verb is."""
        machine.turn += 1
        turn = machine.running = machine.turn
        if verb in machine.takes:
            await asyncio.sleep(machine.takes[verb])
        if machine.running == turn:
            machine.running = -1
        if not machine.on:
            raise LostError("no answer", machine.name)
        if turn != machine.turn:  # whoever takes the lock ends what still runs
            raise VerbError("was ended by SIGKILL", machine.name)

    def _work(self, machine: FakeHost, verb: str, message: Mapping[str, Any]) -> dict[str, Any]:
        pieces = machine.pieces(verb, message)
        for number, piece in enumerate(pieces):
            if number:
                self._suffer(machine, verb, self._point(machine, verb, str(number)))
            try:
                piece()
            except VerbError:
                if machine.state is not None and (verb in UNDOES or verb == "return"):
                    machine.undo()
                raise
        checks = dict.fromkeys(("digests", "login", "environment", "debug", "disk"), "ok")
        return {"stage": {"checks": checks}, "switch": {"checks": {"logs": machine.leaking}}}.get(verb, {})

    def _end_point(self, machine: FakeHost, verb: str, when: str) -> None:
        if not machine.on:
            raise LostError("no route to host", machine.name)
        kind = self._point(machine, verb, when, AT_ENDS)
        if kind == "killed":
            raise KilledError
        if kind == "lost":
            raise LostError("the connection was reset", machine.name)
        self._suffer(machine, verb, kind)

    def _point(self, machine: FakeHost, verb: str, when: str, more: tuple[str, ...] = ()) -> str | None:
        kinds = ANYWHERE + more + (BADLY if verb in UNDOES else ())
        return self.trouble.point(f"{machine.name} {verb} ({when})", kinds)

    def _suffer(self, machine: FakeHost, verb: str, kind: str | None) -> None:
        if kind in ("off", "rebooted"):
            machine.on = False
            if kind == "rebooted":
                asyncio.get_running_loop().call_later(AGAIN_SECONDS, machine.boot)
            raise LostError("no answer", machine.name)
        if kind in ("failed", "failed badly"):
            if kind == "failed" and verb in UNDOES and machine.state is not None:
                machine.undo()
            raise VerbError("no space left on device", machine.name)

    @property
    def committed(self) -> set[str]:
        """The releases that any host has committed."""
        return {release for machine in self.hosts.values() for release in machine.committed}

    def boot(self) -> None:
        """Whoever is off is on again, and has booted."""
        for machine in self.hosts.values():
            if not machine.on:
                machine.boot()
