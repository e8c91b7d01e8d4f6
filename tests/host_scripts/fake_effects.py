"""A host for the release state machine: knows what runs where, refuses what must never be, fails or dies on demand."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.host.run import HostError
from scripts.host.state import STEPS, State

ROLES = ("web", "worker", "scheduler")


class CrashError(BaseException):
    """The process is killed here: nothing of it runs any more, not even its clean-up."""


@dataclass
class Trouble:
    """What happens at the `at`-th point (each piece of work has one before and one after): nothing, `fail`, `crash`.

    With `full` the disk is full from there on: whatever is to be recorded can't be.
    """

    kind: str = "none"
    at: int = -1
    passed: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether the disk is full by now."""
        return self.kind == "full" and len(self.passed) > self.at

    @property
    def crashed(self) -> bool:
        """Whether the process has been killed."""
        return self.kind == "crash" and 0 <= self.at < len(self.passed)

    def point(self, name: str) -> None:
        """Pass a point, or not."""
        number = len(self.passed)
        self.passed.append(name)
        writes = name.startswith("record ") and name.endswith("(before)") and not name.startswith("record end")
        if self.kind == "full" and number >= self.at and writes:
            raise OSError(errno.ENOSPC, "No space left on device")
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

    steps = frozenset(STEPS)

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
        self.routes: dict[str, str] = {}
        self.serving: str | None = None
        self.owed = False
        self.loaded: str | None = None
        self.reloads = 0
        self.refused_routes: set[str] = set()

    def routes_of(self, slot: str | None) -> str | None:
        """The site.conf of a slot's release."""
        return None if slot is None else self.routes.get(self.slots[slot], "the same")

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

    def settle(self) -> None:
        self._do("settle", lambda: None)

    def stop(self, slot: str, role: str | None = None) -> None:
        def work() -> None:
            for one in ROLES if role is None else (role,):
                self.running.pop((slot, one), None)

        self._do(f"stop {role or 'all'}", work)

    def _expect(self, slot: str | None) -> None:
        def work() -> None:
            self.owed = self.owed or self.routes_of(slot) != self.routes_of(self.serving)

        self._do("expect", work)

    def switch(self, slot: str) -> None:
        def lead() -> None:
            self.serving = slot

        def work() -> None:
            if self.live not in (None, slot):
                self.previous = self.live
            self.live = slot

        self._expect(slot)
        self._do("lead", lead)
        self._do("switch", work)

    def follow(self) -> None:
        def load() -> None:
            if self.owed and not self.cold:
                if self.routes_of(self.serving) in self.refused_routes:
                    raise HostError("nginx does not take its configuration")
                self.loaded = self.routes_of(self.serving)
                self.reloads += 1

        def settle() -> None:
            self.owed = False

        self._do("follow", load)
        self._do("follow's end", settle)

    def withdraw(self) -> None:
        def lead() -> None:
            self.serving = None

        def work() -> None:
            self.live = self.previous = None

        self._expect(None)
        self._do("lead", lead)
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
        """nginx reads the routes of what serves, PM2 starts all of it."""
        self.cold = False
        self.loaded = self.routes_of(self.serving)
        if self.live is not None:
            for role in ROLES:
                self._start(self.live, role)
