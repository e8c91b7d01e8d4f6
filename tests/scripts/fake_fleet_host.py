"""A host for the coordinator: what it has written down, what it does at its next boot, what its verbs are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.fleet.protocol import LockedError, VerbError
from scripts.host.request import fingerprint


@dataclass
class FakeHost:
    """What a host has on its disk. `stalled`: it is on and takes connections, but nothing there comes to an end."""

    name: str
    clock: Callable[[], float]
    live: str | None = None
    state: dict[str, Any] | None = None
    served: list[dict[str, Any]] = field(default_factory=list)
    lock: dict[str, Any] | None = None
    on: bool = True
    stalled: bool = False
    sick: set[str] = field(default_factory=set)
    migrated: list[str] = field(default_factory=list)
    traffic: dict[str, Any] | None = None
    leaking: str = "ok"
    read_only: str | None = None
    takes: dict[str, float] = field(default_factory=dict)
    turn: int = 0
    running: int = -1
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
        if lock and self._others(message) and self._held() and not message["take_over"]:
            raise LockedError(f"release in progress: {lock['owner']}", self.name)
        self.lock = {
            "owner": message["owner"], "fleet": message["fleet"], "expires": self.clock() + message["expires_in"],
        }  # fmt: skip

    def _held(self) -> bool:
        """By an owner whose time is not over, or by a verb that runs on without one."""
        assert self.lock is not None
        expires = self.lock["expires"]
        return self.running == self.turn or expires is None or self.clock() < expires

    def _others(self, message: Mapping[str, Any]) -> bool:
        assert self.lock is not None
        return (self.lock["owner"], self.lock["fleet"]) != (message["owner"], message["fleet"])

    def status(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Everything that is on its disk. Whoever has the lock renews it by asking."""
        if self.lock and not self._others(message):
            self.acquire(message)
        lock = self.lock and {**self.lock, "alive": self._held()}
        traffic = {"traffic": self.traffic} if self.traffic else {}
        served = {"released": list(self.served), "read_only": self.read_only, **traffic}
        return {"live": self.live, "state": self.state, "lock": lock, **served}

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
