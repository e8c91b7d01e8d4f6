"""Releases that begin in one of several scenarios, on a host of which all but its files is in memory."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import Any

from scripts.host.coordinator import Coordinator
from scripts.host.durable import write
from scripts.host.ledger import FINAL, Ledger
from scripts.host.lock import Lock
from scripts.host.procfs import boot_id
from scripts.host.progress import Progress
from scripts.host.run import HostError
from scripts.host.state import State, StateFile
from tests.host_scripts.fake_effects import ROLES, CrashError, FakeEffects, Trouble

OLD, OLDER, NEW = "20261121T100000-aaaaaaaa", "20261120T100000-bbbbbbbb", "20261121T110000-cccccccc"


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


class FakeLog(io.RawIOBase):
    """The log of a release, on the same disk as all the rest."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    def write(self, data: Any) -> int:
        if self.trouble.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)


class Stage:
    """A host with what a scenario begins with, and the processes that come and go on it."""

    def __init__(self, directory: Path, scenario: str, effects: type[FakeEffects] = FakeEffects) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.trouble = Trouble()
        self.effects = effects(self.trouble)
        self.kind, self.kept = "release", False
        ledger = Ledger(directory)
        if scenario != "first":
            self._serve("blue", OLD)
            ledger.append("started", release=OLD, commit="a" * 40, revision="1", owner="t", kind="release", slot="blue")
            ledger.append("released", release=OLD)
        if scenario == "rerouted":
            self.effects.routes[NEW] = "others"
        if scenario in ("rollback", "rebuilt"):
            self.effects.routes[OLDER] = "others"
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
        self.effects.live = self.effects.serving = slot
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
        progress = Progress(None, out=io.StringIO())
        progress._log = FakeLog(self.trouble)
        return Coordinator(self.effects, states, ledger, self.lock, progress)

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
        if cold:
            self.effects.settle()
        self.free()
        if cold:
            self.effects.booted()
        return mended


def points(directory: Path, scenario: str, effects: type[FakeEffects] = FakeEffects) -> list[str]:
    """Every point that a release without trouble passes."""
    stage = Stage(directory / "clean", scenario, effects)
    stage.run()
    return stage.trouble.passed


def stages(
    directory: Path, scenario: str, kind: str, effects: type[FakeEffects] = FakeEffects
) -> list[tuple[str, Stage]]:
    """A stage for each point, with trouble of this kind there."""
    found = []
    for number, name in enumerate(points(directory, scenario, effects)):
        if kind == "fail" and name.startswith("record "):
            continue
        stage = Stage(directory / str(number), scenario, effects)
        stage.trouble.kind, stage.trouble.at = kind, number
        found.append((f"{scenario}: {kind} at {name}", stage))
    return found


def assert_one_serves(stage: Stage, where: str) -> None:
    """Exactly one release runs, whole; the ledger, the links and the directories say the same."""
    effects = stage.effects
    serving = effects.slots[effects.live] if effects.live else None
    wanted = {(effects.live, role): serving for role in ROLES} if effects.live else {}
    assert effects.running == wanted, where
    assert StateFile(stage.directory).load() is None, where
    assert Lock(stage.directory).holder() is None, where
    events = [entry["event"] for entry in Ledger(stage.directory).entries() if entry["release"] == stage.release]
    assert next(event for event in events if event != "step") == "started", where
    assert sum(event in FINAL for event in events) == 1, where
    last = Ledger(stage.directory).summaries()[-1]
    assert (last.release, last.outcome) == (stage.release, "released" if serving == stage.release else "failed"), where
    if serving != stage.release:
        assert serving == (None if stage.scenario == "first" else OLD), where
        assert (stage.release in effects.directories) == stage.kept, where
        assert effects.slots.get("green") == (OLDER if stage.scenario in ("third", "rollback") else None), where
    assert (effects.serving, effects.loaded) == (effects.live, effects.routes_of(effects.live)), where
    assert not effects.owed, where
    others = {slot for slot in effects.slots if slot != effects.live}
    assert effects.previous == (others.pop() if others and effects.live else None), where
