"""A host for the release state machine: knows what runs where, refuses what must never be, fails or dies on demand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.host.coordinator import Coordinator
from scripts.host.durable import write
from scripts.host.ledger import Ledger
from scripts.host.lock import Lock
from scripts.host.procfs import boot_id
from scripts.host.progress import Progress
from scripts.host.run import HostError
from scripts.host.state import State, StateFile

ROLES = ("web", "worker", "scheduler")
OLD, OLDER, NEW = "20261121T100000-aaaaaaaa", "20261120T100000-bbbbbbbb", "20261121T110000-cccccccc"


class CrashError(BaseException):
    """The process is killed here: nothing of it runs any more, not even its clean-up."""


@dataclass
class Trouble:
    """What happens at the `at`-th point (each piece of work has one before and one after): nothing, `fail`, `crash`."""

    kind: str = "none"
    at: int = -1
    passed: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        """Pass a point, or not."""
        number = len(self.passed)
        self.passed.append(name)
        if number == self.at:
            if self.kind == "crash":
                raise CrashError(name)
            if self.kind == "fail" and not name.startswith("record "):
                raise HostError(f"trouble at {name}")

    def around(self, name: str, work: Callable[[], None]) -> None:
        """`work` between its two points."""
        self.point(f"{name} (before)")
        work()
        self.point(f"{name} (after)")


class FakeEffects:
    """Slots, links, directories and processes in memory. A process is (slot, role) -> release."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.cold = False
        self.live: str | None = None
        self.previous: str | None = None
        self.slots: dict[str, str] = {}
        self.running: dict[tuple[str, str], str] = {}
        self.directories: set[str] = set()
        self.migrated: list[str] = []
        self.sick: set[str] = set()
        self.refuses_at_nginx = False

    def _do(self, name: str, work: Callable[[], None]) -> None:
        def checked() -> None:
            work()
            self.check()

        self.trouble.around(name, checked)

    def check(self) -> None:
        """What holds at every moment, whatever happens."""
        schedulers = [slot for slot, role in self.running if role == "scheduler"]
        assert len(schedulers) <= 1, "two schedulers at once"
        if self.live is not None and not self.cold:
            assert (self.live, "web") in self.running, "what serves does not run"
            assert self.slots[self.live] in self.directories, "what serves is gone from the disk"

    def live_slot(self) -> str | None:
        return self.live

    def slot_release(self, slot: str) -> str | None:
        return self.slots.get(slot)

    def preflight(self, state: State) -> None:
        self._do("preflight", lambda: None)

    def fetch(self, state: State) -> None:
        self._do("fetch", lambda: self.directories.add(state.release))

    def environment(self, state: State) -> None:
        self._do("environment", lambda: None)

    def install(self, state: State) -> None:
        self._do("install", lambda: None)

    def build(self, state: State) -> None:
        self._do("build", lambda: None)

    def jobs(self, state: State, when: str) -> None:
        self._do(f"jobs {when}", lambda: self.migrated.append(f"{state.release} {when}"))

    def assign(self, slot: str, release: str | None) -> None:
        def work() -> None:
            if release is None:
                self.slots.pop(slot, None)
            else:
                self.slots[slot] = release

        self._do(f"assign {slot}", work)

    def _start(self, slot: str, role: str) -> None:
        if not self.cold:
            assert self.slots[slot] in self.directories
            self.running[slot, role] = self.slots[slot]

    def start(self, slot: str, role: str) -> None:
        self._do(f"start {role}", lambda: self._start(slot, role))

    def _well(self, slot: str) -> None:
        if self.slots.get(slot) in self.sick:
            raise HostError("answered 503")

    def healthy(self, slot: str) -> None:
        self._do("healthy", lambda: self._well(slot))

    def ready(self, slot: str, role: str) -> None:
        self._do(f"ready {role}", lambda: None)

    def ensure(self, slot: str) -> None:
        def work() -> None:
            for role in ROLES:
                if (slot, role) not in self.running:
                    self._start(slot, role)
            self._well(slot)

        self._do("ensure", work)

    def stop(self, slot: str, role: str | None = None) -> None:
        def work() -> None:
            for one in ROLES if role is None else (role,):
                self.running.pop((slot, one), None)

        self._do(f"stop {role or 'all'}", work)

    def switch(self, slot: str) -> None:
        def work() -> None:
            if self.live not in (None, slot):
                self.previous = self.live
            self.live = slot

        self._do("switch", work)

    def withdraw(self) -> None:
        def work() -> None:
            self.live = self.previous = None

        self._do("withdraw", work)

    def remember(self, slot: str | None) -> None:
        def work() -> None:
            self.previous = slot

        self._do("remember", work)

    def verify(self, state: State) -> None:
        def work() -> None:
            if self.refuses_at_nginx:
                raise HostError("https://example.com/ through nginx answered 502")

        self._do("verify", work)

    def drain(self) -> None:
        self._do("drain", lambda: None)

    def remove(self, release: str) -> None:
        self._do("remove", lambda: self.directories.discard(release))

    def prune(self, state: State) -> None:
        self._do("prune", lambda: None)

    def reboot(self) -> None:
        """Everything stops, and PM2 is not up yet."""
        self.running.clear()
        self.cold = True

    def booted(self) -> None:
        """PM2 starts all of the slot that serves."""
        self.cold = False
        if self.live is not None:
            for role in ROLES:
                self._start(self.live, role)


class FakeStates(StateFile):
    """The real file, with points around every write."""

    trouble: Trouble

    def save(self, state: State) -> None:
        self.trouble.around("record state", lambda: super(FakeStates, self).save(state))

    def clear(self) -> None:
        self.trouble.around("record end", lambda: super(FakeStates, self).clear())


class FakeLedger(Ledger):
    """The real file, with points around every line."""

    trouble: Trouble

    def append(self, event: str, **facts: Any) -> None:
        self.trouble.around(f"record {event}", lambda: super(FakeLedger, self).append(event, **facts))


class Stage:
    """A host with what a scenario begins with, and the processes that come and go on it."""

    def __init__(self, directory: Path, scenario: str) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.trouble = Trouble()
        self.effects = FakeEffects(self.trouble)
        self.kind, self.kept = "release", False
        ledger = Ledger(directory)
        if scenario != "first":
            self._serve("blue", OLD)
            ledger.append("started", release=OLD, commit="a" * 40, revision="1", owner="t", kind="release", slot="blue")
            ledger.append("released", release=OLD)
        if scenario in ("third", "rollback", "rebuilt"):
            self.effects.slots["green"] = OLDER
            self.effects.directories.add(OLDER)
            self.effects.previous = "green"
        if scenario in ("rollback", "rebuilt"):
            self.kind, self.kept = "rollback", scenario == "rollback"
        if scenario == "rebuilt":
            self.effects.directories.discard(OLDER)
            del self.effects.slots["green"]
            self.effects.previous = None
        self.scenario = scenario
        self.lock: Lock | None = None

    def _serve(self, slot: str, release: str) -> None:
        self.effects.slots[slot] = release
        self.effects.directories.add(release)
        self.effects.live = slot
        self.effects.booted()

    @property
    def release(self) -> str:
        return OLDER if self.kind == "rollback" else NEW

    def coordinator(self, take_over: bool = False) -> Coordinator:
        """A process that has the lock."""
        self.lock = Lock(self.directory)
        self.lock.acquire("alice@laptop", take_over)
        states, ledger = FakeStates(self.directory), FakeLedger(self.directory)
        states.trouble = ledger.trouble = self.trouble
        return Coordinator(self.effects, states, ledger, self.lock, Progress(None, out=io.StringIO()))

    def state(self) -> State:
        """The release that this scenario asks for."""
        live = self.effects.live
        slot = "green" if live == "blue" else "blue"
        return State(
            release=self.release,
            commit="c" * 40,
            revision="2",
            owner="alice@laptop",
            slot=slot,
            old_slot=live,
            old_release=self.effects.slots.get(live) if live else None,
            slot_had=self.effects.slots.get(slot),
            boot=boot_id(),
            kind=self.kind,
            kept=self.kept,
        )

    def run(self) -> str:
        """Release, with whatever trouble is set; "released", "failed" or "killed"."""
        coordinator = self.coordinator()
        try:
            coordinator.release(self.state())
        except HostError:
            self.free()
            return "failed"
        except CrashError:
            return "killed"
        self.free()
        return "released"

    def free(self) -> None:
        assert self.lock is not None
        self.lock.release()

    def die(self) -> None:
        """The process that has the lock is gone: its number belongs to one that started at another time."""
        owner = json.loads((self.directory / "lock" / "owner.json").read_text())
        write(self.directory / "lock" / "owner.json", json.dumps({**owner, "ticks": 1}))

    def recover(self, cold: bool) -> str | None:
        """A new process finishes or undoes what was left, after a reboot if `cold`."""
        self.die()
        if cold:
            self.effects.reboot()
        mended = self.coordinator().recover(cold)
        self.free()
        if cold:
            self.effects.booted()
        return mended
