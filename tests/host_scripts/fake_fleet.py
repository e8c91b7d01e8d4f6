"""A fleet whose hosts are in memory but for their files, and whoever leads its releases, who may die at any point."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from scripts.host import fleet, kinds, lock, release, session
from scripts.host.ledger import Ledger
from scripts.host.lock import Lock
from scripts.host.session import Place
from scripts.host.state import State, StateFile
from tests.host_scripts.fake_containers import FakeContainers
from tests.host_scripts.fake_effects import ROLES, CrashError, Trouble
from tests.host_scripts.fake_releases import NEW, OLD, FakeLedger, FakeStates

DIGEST = "registry.example.com/app@sha256:" + "c" * 64
REQUEST = {"images": {"app": DIGEST}, "services": {"api": "app"}, "versions": {"app": "2.0"}, "revision": "2"}
RELEASE_JSON = {
    "kind": "compose",
    "product": "tiny",
    "domain": "tiny.example.com",
    "services": [
        {"name": "api", "role": "web", "health": "/", "ports": {"blue": [20000, 20000], "green": [30000, 30000]}}
    ],
}
OWNER = "alice (alice@laptop)"
VERBS = ("stage", "migrate", "start", "switch", "commit", "finish")
Make = Callable[..., "FakeFleet"]


class FailedError(Exception):
    """A host's answer is that it could not."""


class NoInterrupts:
    """Nobody sends signals here."""

    allowed = nullcontext


class FakeFleet:
    """Hosts of a fleet, the first of which leads. A process of one lives as long as a verb of it."""

    def __init__(self, directory: Path, scenario: str, monkeypatch: pytest.MonkeyPatch, hosts: int = 2) -> None:
        self.trouble = Trouble()
        self.process = 1
        self.answers: list[dict[str, Any]] = []
        self.hosts = [Host(self, directory / str(number), number == 0) for number in range(hosts)]
        if scenario != "first":
            for host in self.hosts:
                host.serves_old()
        self.scenario = scenario
        self.current = self.hosts[0]
        monkeypatch.setattr(kinds, "effects", lambda *_: self.current.effects)
        monkeypatch.setattr(session, "StateFile", self._with_points(FakeStates))
        monkeypatch.setattr(session, "Ledger", self._with_points(FakeLedger))
        monkeypatch.setattr(session, "Interrupts", NoInterrupts)
        monkeypatch.setattr(lock, "process_start", lambda pid: self.process)
        for name in ("keep", "release"):
            monkeypatch.setattr(Lock, name, self._unless_dead(REAL[name]))

    def _with_points(self, kind: Any) -> Callable[[Path], Any]:
        def make(directory: Path) -> Any:
            made = kind(directory)
            made.trouble = self.trouble
            return made

        return make

    def _unless_dead(self, method: Callable[..., None]) -> Callable[..., None]:
        """Whoever is killed does not give back the lock."""

        def do(held: Lock, *arguments: Any) -> None:
            if not self.trouble.crashed:
                method(held, *arguments)

        return do

    def check(self) -> None:
        """What a fleet has once, it never has twice."""
        schedulers = [host for host in self.hosts for _, role in host.effects.running if role == "scheduler"]
        assert len(schedulers) <= 1, "two schedulers at once"

    def release(self) -> str:
        """A whole release, with whatever trouble is set; "released", "failed" or "killed"."""
        try:
            self._way()
        except FailedError:
            for host in self.hosts:
                host.call("return")
            return "failed"
        except CrashError:
            return "killed"
        return "released"

    def _way(self) -> None:
        for verb in VERBS:
            for host in self.hosts[:1] if verb == "migrate" else self.hosts:
                host.call(verb)

    def recover(self) -> None:
        """Another coordinator goes forward on all hosts if any has committed, else back on all."""
        if not any(host.has_committed() for host in self.hosts):
            for host in self.hosts:
                host.call("return")
            return
        for host in self.hosts:
            state = host.state()
            if state is not None and not state.committed and state.done != "switch":
                host.call("return")
                state = None
            if state is None and host.serving() != NEW:
                for verb in ("stage", "start", "switch"):
                    host.call(verb)
            for verb in ("commit", "finish"):
                host.call(verb)


REAL: dict[str, Callable[..., None]] = {"keep": Lock.keep, "release": Lock.release}


class Host:
    """One host. What is on its disk is real."""

    def __init__(self, whole: FakeFleet, directory: Path, leader: bool) -> None:
        self.fleet = whole
        self.leader = leader
        self.directory = directory
        self.place = Place(directory / "etc", directory / "state")
        for path in (self.place.etc, self.place.state, directory / "root" / "releases"):
            path.mkdir(parents=True)
        described = {**RELEASE_JSON, "root": str(directory / "root")}
        (self.place.etc / "release.json").write_text(json.dumps(described))
        self.effects = FakeContainers(whole.trouble)
        self.effects.releases = directory / "root" / "releases"
        self.effects.of_fleet = whole.check

    def serves_old(self) -> None:
        """The release before serves."""
        effects, ledger = self.effects, Ledger(self.place.state)
        effects.slots["blue"] = OLD
        effects.directories.add(OLD)
        effects.identify(OLD, self.leader)
        effects.live = effects.serving = "blue"
        effects.booted()
        facts = {"commit": "a" * 40, "revision": "1", "owner": OWNER, "kind": "release", "slot": "blue"}
        ledger.append("started", release=OLD, **facts)
        ledger.append("released", release=OLD)

    def call(self, verb: str, **changes: Any) -> dict[str, Any]:
        """Do a verb the way a coordinator asks for it; the answer. FailedError if it says that it could not."""
        previous = None if self.fleet.scenario == "first" else OLD
        message = {"fleet": NEW, "owner": OWNER, "leader": self.leader, "expires_in": 60, "previous": previous}
        request = {"request": REQUEST} if verb == "stage" else {}
        self.fleet.current = self
        said = io.StringIO()
        text = json.dumps({**message, **request, **changes})
        try:
            with redirect_stdout(said):
                code = fleet.main([verb], self.place, io.StringIO(text))
        finally:
            self.fleet.process += 1
        answer: dict[str, Any] = json.loads(said.getvalue().splitlines()[-1])
        assert code == ("error" in answer), answer
        if code:
            raise FailedError(answer["error"])
        return answer

    def lose_power(self) -> None:
        """The host comes back by itself, and what it does at boot is done."""
        self.fleet.current = self
        self.effects.reboot()
        try:
            with redirect_stdout(io.StringIO()):
                assert release.recover_main(["--boot"], self.place) == 0
        finally:
            self.fleet.process += 1
        self.effects.booted()

    def state(self) -> State | None:
        """What is under way."""
        return StateFile(self.place.state).load()

    def serving(self) -> str | None:
        """The release that serves."""
        return self.effects.slots[self.effects.live] if self.effects.live else None

    def has_committed(self) -> bool:
        """Whether there is no way back here any more."""
        state = self.state()
        return state.committed if state is not None else self.serving() == NEW

    def assert_at_rest(self, where: str) -> None:
        """One release runs, whole, and nothing is left of any other."""
        effects, live = self.effects, self.effects.live
        roles = [role for role in ROLES if role != "scheduler" or self.leader]
        assert effects.running == ({(live, role): self.serving() for role in roles} if live else {}), where
        assert effects.comes_back == set(effects.running), where
        assert effects.jobs_running == set(), where
        assert self.state() is None, where
        assert Lock(self.place.state).holder() is None, where
        assert effects.serving == effects.live, where
        assert not effects.owed, where


def expire(host: Host) -> None:
    """Nobody has renewed the lock for long."""
    path = host.place.state / "lock" / "owner.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires": time.time() - 1}))
