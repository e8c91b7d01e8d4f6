"""Hosts for the coordinator: each with what it has written down and does at its next boot, and trouble on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.fleet.protocol import LockedError, LostError, Said, VerbError
from scripts.host.request import fingerprint

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
    """What happens at which point, by its number; `passed` are the points so far, with what may happen there."""

    plan: dict[int, str] = field(default_factory=dict)
    passed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def point(self, name: str, kinds: tuple[str, ...]) -> str | None:
        """Pass a point; what happens there."""
        number = len(self.passed)
        self.passed.append((name, kinds))
        return self.plan.get(number)


@dataclass
class FakeHost:
    """What a host has on its disk. `begun` says when each release's way to serve began here, as its ledger would."""

    name: str
    clock: Callable[[], float]
    live: str | None = None
    state: dict[str, Any] | None = None
    served: list[dict[str, Any]] = field(default_factory=list)
    lock: dict[str, Any] | None = None
    on: bool = True
    sick: set[str] = field(default_factory=set)
    migrated: list[str] = field(default_factory=list)
    traffic: dict[str, Any] | None = None
    takes: dict[str, float] = field(default_factory=dict)
    committed: set[str] = field(default_factory=set)

    def pieces(self, verb: str, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        """A verb's work, in pieces between which the power may go. VerbError for what makes no sense now."""
        makers = {
            "stage": self._stage, "migrate": self._migrate, "start": self._start, "switch": self._switch,
            "commit": self._commit, "finish": self._finish, "return": self._return,
        }  # fmt: skip
        return makers[verb](message)

    def boot(self) -> None:
        """Power is back: what it had committed it ends, what it had not it undoes. Nobody has its lock any more."""
        self.on, self.lock = True, None
        self.recover(None)

    def recover(self, fleet: str | None) -> None:
        """End or undo what was left, unless it is a release of the fleet that goes on."""
        if self.state is None or (self.state["fleet"] and self.state["release"] == fleet):
            return
        if self.state["committed"] if self.state["fleet"] else self.live == self.state["release"]:
            self._end()
        else:
            self.undo()

    def keep_or_free(self, fleet: str) -> None:
        """The lock stays while the fleet's release is under way here, and no longer."""
        if self.on and not (self.state and self.state["fleet"] and self.state["release"] == fleet):
            self.lock = None

    def undo(self) -> None:
        """The release before serves again."""
        assert self.state is not None
        self.live, self.state = self.state["old_release"], None

    def acquire(self, message: Mapping[str, Any]) -> None:
        """Take or renew the lock, in the name of the owner and its release."""
        lock = self.lock
        if lock and self._others(message) and self.clock() < lock["expires"] and not message["take_over"]:
            raise LockedError(f"release in progress: {lock['owner']}", self.name)
        self.lock = {
            "owner": message["owner"], "fleet": message["fleet"], "expires": self.clock() + message["expires_in"],
        }  # fmt: skip

    def _others(self, message: Mapping[str, Any]) -> bool:
        assert self.lock is not None
        return (self.lock["owner"], self.lock["fleet"]) != (message["owner"], message["fleet"])

    def status(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Everything that is on its disk. Whoever has the lock renews it by asking."""
        if self.lock and not self._others(message):
            self.acquire(message)
        lock = self.lock and {**self.lock, "alive": self.clock() < self.lock["expires"]}
        return {"live": self.live, "state": self.state, "released": list(self.served), "lock": lock} | (
            {"traffic": self.traffic} if self.traffic else {}
        )

    def _stage(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self.state is None and self.live != message["fleet"], "stage")
        request = message["request"]
        facts = {name: request[name] for name in ("images", "services", "versions", "revision")}
        facts |= {"release": message["fleet"], "commit": fingerprint(request["images"])}

        def begin() -> None:
            self.state = {
                **facts, "old_release": self.live, "committed": False, "fleet": True, "step": "preflight", "done": "",
                "leader": message["leader"],
            }  # fmt: skip

        return [begin, lambda: self._at("build"), lambda: self._did("stage")]

    def _migrate(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self._under_way(message, "stage") and message["leader"], "migrate")
        return [
            lambda: self._at("migrate"),
            lambda: self.migrated.append(message["fleet"]),
            lambda: self._did("migrate"),
        ]

    def _start(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self._under_way(message, "stage", "migrate"), "start")
        return [lambda: self._at("health"), lambda: self._well(message["fleet"]), lambda: self._did("start")]

    def _switch(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self._under_way(message, "start"), "switch")

        def switch() -> None:
            self.live = message["fleet"]

        return [lambda: self._at("switch"), switch, lambda: self._did("switch")]

    def _commit(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self._under_way(message, "switch"), "commit")

        def commit() -> None:
            assert self.state is not None
            self.state["committed"] = True
            self.committed.add(message["fleet"])

        return [commit]

    def _finish(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        self._want(self._under_way(message, "switch") and bool(self.state and self.state["committed"]), "finish")
        return [lambda: self._at("drain"), self._end]

    def _return(self, message: Mapping[str, Any]) -> list[Callable[[], None]]:
        if self.state is not None:
            self._want(self.state["release"] == message["fleet"], "return")
            return [lambda: None, self.undo]
        if self.live != message["fleet"]:
            return []
        target = message["previous"]
        if target is None:
            return [self._withdraw]
        facts = next((entry for entry in self.served if entry["release"] == target), None)
        self._want(facts is not None, f"return to {target}")
        assert facts is not None
        whole = facts

        def begin() -> None:
            self.state = {
                **whole,
                "old_release": self.live,
                "committed": False,
                "fleet": True,
                "step": "health",
                "done": "",
            }

        def switch() -> None:
            self._well(target)
            self.live = target

        return [begin, switch, self._end]

    def _withdraw(self) -> None:
        self.live = None

    def _end(self) -> None:
        assert self.state is not None
        facts = {name: self.state[name] for name in ("release", "commit", "revision", "images", "services", "versions")}
        self.served.append({**facts, "started": f"3{self.clock():.3f}"})
        self.live, self.state = facts["release"], None

    def _at(self, step: str) -> None:
        assert self.state is not None
        self.state["step"] = step

    def _did(self, verb: str) -> None:
        assert self.state is not None
        self.state["done"] = verb

    def _well(self, release: str) -> None:
        if release in self.sick:
            raise VerbError("answered 503", self.name, ("Traceback", "ValueError: no such setting"))

    def _under_way(self, message: Mapping[str, Any], *done: str) -> bool:
        return self.state is not None and (self.state["release"], self.state["done"] in done) == (
            message["fleet"],
            True,
        )

    def _want(self, sense: bool, what: str) -> None:
        if not sense:
            raise VerbError(f"there is nothing to {what}: {self.state}", self.name)


class FakeFleet:
    """See Fleet. Verbs take no time unless a host `takes` some; every verb passes points at which trouble may come."""

    def __init__(self, names: list[str], clock: Callable[[], float]) -> None:
        self.hosts = {name: FakeHost(name, clock) for name in names}
        self.trouble = Trouble()
        self.killed = False
        self.asked: list[tuple[str, str]] = []

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        self.asked.append((host, verb))
        await asyncio.sleep(WAY_SECONDS)
        if self.killed:
            raise KilledError
        machine = self.hosts[host]
        self._end_point(machine, verb, "before")
        if verb == "status":
            return machine.status(message)
        machine.acquire(message)
        machine.recover(message["fleet"])
        said({"begin": verb})
        if verb in machine.takes:
            await asyncio.sleep(machine.takes[verb])
        try:
            answer = self._work(machine, verb, message)
        finally:
            machine.keep_or_free(message["fleet"])
        self._end_point(machine, verb, "after")
        return answer

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
        return {"checks": checks} if verb == "stage" else {}

    def _end_point(self, machine: FakeHost, verb: str, when: str) -> None:
        if not machine.on:
            raise LostError("no route to host", machine.name)
        kind = self._point(machine, verb, when, AT_ENDS)
        if kind == "killed":
            self.killed = True
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
