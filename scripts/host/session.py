"""A host that is ours for one release or one segment of it: the lock, what was left before, and who may interrupt."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import kinds, read_only, reboot, release_config
from .compose_config import ComposeConfig
from .coordinator import Coordinator, ReleaseError
from .kinds import AnyConfig, AnyEffects
from .ledger import Ledger, Summary
from .lock import Lease, Lock, age
from .procfs import boot_id
from .progress import Progress
from .release_config import Layout
from .request import Request
from .run import HostError
from .state import State, StateFile


class ReleaseInterruptedError(HostError):
    """The release was told to end (SIGTERM, SIGINT)."""


@dataclass(frozen=True)
class Place:
    """Where a host keeps what releases need; tests have others."""

    etc: Path = Path("/etc/slipway")
    state: Path = Path("/var/lib/slipway")

    def layout(self) -> tuple[Layout, AnyConfig]:
        """The product that was applied; HostError without one."""
        return kinds.load(self.etc, self.state)

    def has_containers(self) -> bool:
        """Whether the product that was applied runs in containers; not if none was."""
        return (self.etc / "release.json").exists() and isinstance(self.layout()[1], ComposeConfig)


HERE = Place()


@dataclass
class Session:
    """A host that is ours until the lock is given back."""

    layout: Layout
    effects: AnyEffects
    coordinator: Coordinator
    owner: str
    progress: Progress

    def state(self, release: str, request: Request, kind: str = "release", kept: bool = False) -> State:
        """A release about to begin, into the slot that does not serve."""
        live, serving = self.effects.live_slot(), self.serving()
        idle = self.effects.idle_slot()
        return State(
            release=release,
            commit=request.commit,
            revision=request.revision,
            owner=self.owner,
            slot=idle,
            old_slot=live if serving else None,
            old_release=serving,
            slot_had=self.effects.slot_release(idle),
            boot=boot_id(),
            kind=kind,
            kept=kept,
            images=request.images,
            services=request.services,
            versions=request.versions,
        )

    def back_to(self, target: Summary) -> State:
        """A return to a release that served, which is made again if it is no longer whole on the disk."""
        kept = bool(release_config.identity(self.layout.release(target.release)))
        request = Request(
            target.commit,
            target.revision,
            self.owner,
            images=target.images,
            services=target.services,
            versions=target.versions,
        )
        return self.state(target.release, request, "rollback", kept)

    def serving(self) -> str | None:
        """The release that serves, None if none does."""
        live = self.effects.live_slot()
        return self.effects.slot_release(live) if live else None

    def run(self, state: State) -> int:
        """Release `state` with a log of its own; the exit code."""
        self.progress.open(self.layout.log(state.release))
        began = time.monotonic()
        try:
            self.coordinator.release(state)
        except ReleaseError as error:
            self.progress.complain(error.describe(), error.lines)
            return 1
        verb = "returned to" if state.kind == "rollback" else "released"
        self.progress.say(f"{verb} {state.release} (slot {state.slot}) in {time.monotonic() - began:.0f} s")
        return 0


@contextmanager
def session(
    layout: Layout,
    config: AnyConfig,
    owner: str,
    take_over: bool,
    cold: bool = False,
    lease: Lease | None = None,
    progress: Progress | None = None,
) -> Iterator[Session]:
    """The lock, what an earlier release left set right, and then the host.

    With a `lease` what the same fleet's release left stays as it is, and the lock is kept for its next segment.
    """
    progress = progress or Progress(None)
    lock = Lock(layout.state)
    former = lock.acquire(owner, take_over, lease)
    progress.locked()
    states = StateFile(layout.state)
    try:
        if former is not None and not (lease and former.has(lease, owner)):
            held = age(time.time() - former.started)
            progress.say(f"took over the lock of {former.owner} ({held} old, step {former.step or 'none'})")
        token = lock.mine.token if lock.mine else ""
        effects = kinds.effects(layout, config, progress, token, cold)
        effects.learn_secrets()
        coordinator = Coordinator(effects, states, Ledger(layout.state), lock, progress, Interrupts().allowed)
        if not _goes_on(states.load(), lease):
            mended = coordinator.recover(cold)
            if mended:
                progress.say(f"recovered: {mended}")
        yield Session(layout, effects, coordinator, owner, progress)
    finally:
        if lease and _goes_on(states.load(), lease):
            lock.keep(lease)
        else:
            lock.release()
            for noted in filter(None, (read_only.note(layout), reboot.note())):
                progress.say(noted)
        progress.close()


def _goes_on(state: State | None, lease: Lease | None) -> bool:
    """Whether this is a fleet's release between two of its segments: neither interrupted nor on its way back."""
    return lease is not None and state is not None and state.in_fleet(lease.fleet) and state.returning is None


class Interrupts:
    """SIGTERM and SIGINT fail the step that runs, so that it is undone; between steps they wait. SIGHUP is nothing."""

    def __init__(self) -> None:
        self._open = False
        self._pending: str | None = None
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the connection may go, the release goes on
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._arrived)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """What is inside may be interrupted, by a ReleaseInterruptedError."""
        self._open = True
        try:
            if self._pending:
                raise ReleaseInterruptedError(f"interrupted by {self._pending}")
            yield
        finally:
            self._open = False

    def _arrived(self, number: int, _frame: object) -> None:
        first = self._pending is None
        self._pending = signal.Signals(number).name
        if self._open and first:
            raise ReleaseInterruptedError(f"interrupted by {self._pending}")
