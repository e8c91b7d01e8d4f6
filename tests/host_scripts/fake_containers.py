"""A host whose product runs in containers, for the release state machine: what comes back after a boot is Docker's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.host.run import HostError
from scripts.host.state import STEPS, State
from tests.host_scripts.fake_effects import ROLES, FakeEffects, Trouble


class FakeContainers(FakeEffects):
    """Containers run on while nothing of a release does, and come back after a boot if their slot was to serve."""

    steps = frozenset(STEPS) - {"install", "build"}

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.comes_back: set[tuple[str, str]] = set()
        self.jobs_running: set[str] = set()
        self.looked_at: Sequence[str] = ("digests",)
        self.leads: dict[str, bool] = {}
        self.releases: Path | None = None
        self.of_fleet: Callable[[], None] = lambda: None
        self.fetched: list[dict[str, str]] = []

    def roles(self, slot: str) -> list[str]:
        """What this host runs of the release in a slot."""
        return [role for role in ROLES if role != "scheduler" or self.leads.get(self.slots[slot], True)]

    def check(self) -> None:
        super().check()
        for slot, _ in self.comes_back - set(self.running):
            assert self.cold, f"{slot} is to come back, and does not run"
        self.of_fleet()

    def idle_slot(self) -> str:
        return "green" if self.live == "blue" else "blue"

    def serves(self, slot: str) -> bool:
        return all((slot, role) in self.running for role in self.roles(slot))

    def checks(self) -> dict[str, str]:
        return dict.fromkeys(self.looked_at, "ok")

    def leaks(self, slot: str) -> list[str]:
        return []

    def learn_secrets(self) -> None:
        """None is told here."""

    def fetch(self, state: State) -> None:
        super().fetch(state)
        self.fetched.append(dict(state.images))

    def environment(self, state: State) -> None:
        def work() -> None:
            self.identify(state.release, state.leader)

        self._do("environment", work)

    def identify(self, release: str, leader: bool) -> None:
        """The release is whole; on the disk as well, if there is one."""
        self.leads[release] = leader
        if self.releases is not None:
            (self.releases / release).mkdir(parents=True, exist_ok=True)
            (self.releases / release / "identity.json").write_text(json.dumps({"release": release, "leader": leader}))

    def jobs(self, state: State, when: str) -> None:
        """The job's container outlives the command that is killed while it waits for it."""

        def begin() -> None:
            self.jobs_running.add(state.release)

        def end() -> None:
            self.jobs_running.discard(state.release)
            self.migrated.append(f"{state.release} {when}")

        try:
            self._do(f"job begins {when}", begin)
            self._do(f"jobs {when}", end)
        except HostError:
            self.jobs_running.discard(state.release)
            raise

    def _run(self, slot: str, role: str) -> None:
        assert self.slots[slot] in self.directories
        self.running[slot, role] = self.slots[slot]
        self.comes_back.discard((slot, role))

    def start(self, slot: str, role: str) -> None:
        self._do(f"start {role}", lambda: self._run(slot, role))

    def ensure(self, slot: str) -> None:
        def start() -> None:
            for role in self.roles(slot):
                if (slot, role) not in self.running:
                    self._run(slot, role)
            if not self.cold:
                self._well(slot)

        def keep() -> None:
            if slot == self.live:
                self._come_back(slot)

        self._do("ensure", start)
        self._do("ensure's end", keep)

    def settle(self) -> None:
        for slot in ("blue", "green"):
            if slot != self.live:
                self.stop(slot)
        if self.live is not None:
            self.ensure(self.live)

    def stop(self, slot: str, role: str | None = None) -> None:
        def work() -> None:
            for one in ROLES if role is None else (role,):
                self.running.pop((slot, one), None)
                self.comes_back.discard((slot, one))

        self._do(f"stop {role or 'all'}", work)

    def switch(self, slot: str) -> None:
        self._do("raise", lambda: self._come_back(slot))
        super().switch(slot)

        def lower() -> None:
            self.comes_back = {one for one in self.comes_back if one[0] == slot}

        self._do("lower", lower)

    def _come_back(self, slot: str) -> None:
        self.comes_back |= {one for one in self.running if one[0] == slot}

    def remove(self, release: str) -> None:
        self._do("end jobs", lambda: self.jobs_running.discard(release))
        super().remove(release)
        if self.releases is not None:
            shutil.rmtree(self.releases / release, ignore_errors=True)

    def reboot(self) -> None:
        """Docker is up when the release's recovery begins, with what it was told to start again."""
        self.running = {one: release for one, release in self.running.items() if one in self.comes_back}
        self.jobs_running.clear()
        self.cold = True
        assert sum(role == "scheduler" for _, role in self.running) <= 1, "two schedulers come back"

    def booted(self) -> None:
        """nginx reads the routes of what serves. Nobody starts anything any more."""
        if self.live is not None and not self.cold:  # the stage is set
            for role in self.roles(self.live):
                self._run(self.live, role)
            self._come_back(self.live)
        self.cold = False
        self.loaded = self.routes_of(self.serving)

    def follow(self) -> None:
        """As FakeEffects; told at boot, too, where nginx may be up already."""
        if self.routes_of(self.serving) in self.refused_routes:
            raise HostError("nginx does not take its configuration")
        super().follow()
