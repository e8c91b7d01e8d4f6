"""`slipway release`, `rollback` and `recover`: from what is asked for to a release under way, one at a time."""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import release_config
from .checkout import COMMIT
from .coordinator import Coordinator, ReleaseError
from .ledger import Ledger, Summary
from .lock import Lock, age
from .procfs import boot_id
from .progress import Progress
from .release_config import Config, Layout
from .release_steps import HostEffects
from .run import HostError
from .state import State, StateFile

RELEASE_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")


class ReleaseInterruptedError(HostError):
    """The release was told to end (SIGTERM, SIGINT)."""


@dataclass(frozen=True)
class Request:
    """What a release is asked for on standard input."""

    commit: str
    revision: str
    owner: str
    take_over: bool = False


@dataclass(frozen=True)
class Place:
    """Where a host keeps what releases need; tests have others."""

    etc: Path = Path("/etc/slipway")
    state: Path = Path("/var/lib/slipway")

    def layout(self) -> tuple[Layout, Config]:
        """The product that was applied; HostError without one."""
        if not (self.etc / "release.json").exists():
            raise HostError("nothing to release yet: /etc/slipway/release.json comes with `slipway apply`")
        config = release_config.load(self.etc / "release.json")
        return Layout(config.root, self.state, self.etc), config


def main(argv: list[str], place: Place = Place()) -> int:
    """`slipway release [--take-over]`: a request as JSON on standard input. 0 if it serves after, else 1."""
    options = _options("release", argv)
    request = read_request(sys.stdin.read())
    layout, config = place.layout()
    with _session(layout, config, request.owner, options.take_over or request.take_over) as session:
        slots = session.effects.slots
        live = slots.live()
        serving = slots.release(live) if live else None
        if live and serving and _is(layout, serving, request) and session.effects.serves(live):
            session.progress.say(f"already serving {serving}")
            return 0
        release = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{request.commit[:8]}"
        return session.run(session.state(release, request.commit, request.revision))


def rollback_main(argv: list[str], place: Place = Place()) -> int:
    """`slipway rollback [<release>]`: return to the release before, or to one that served once."""
    options = _options("rollback", argv)
    layout, config = place.layout()
    with _session(layout, config, options.owner, options.take_over) as session:
        live = session.effects.live_slot()
        serving = session.effects.slot_release(live) if live else None
        target = rollback_target(Ledger(layout.state).released(), serving, options.release)
        if target.release == serving:
            session.progress.say(f"already serving {serving}")
            return 0
        whole = bool(release_config.identity(layout.release(target.release)))
        return session.run(session.state(target.release, target.commit, target.revision, "rollback", whole))


def recover_main(argv: list[str], place: Place = Place()) -> int:
    """`slipway recover [--boot]`: finish or undo a release that was interrupted; at boot, before anything starts."""
    options = _options("recover", argv)
    if StateFile(place.state).load() is None and Lock(place.state).holder() is None:
        print("nothing to recover")
        return 0
    layout, config = place.layout()
    with _session(layout, config, options.owner, options.take_over, cold=options.boot):
        return 0


def read_request(text: str) -> Request:
    """The request in `text`; HostError says what is wrong with it."""
    try:
        data = json.loads(text)
        request = Request(data["commit"], data["revision"], data["owner"], bool(data.get("take_over", False)))
    except (ValueError, TypeError, KeyError) as error:
        raise HostError(f"the request on standard input is not a release request: {error}") from None
    if not COMMIT.fullmatch(str(request.commit)):
        raise HostError(f"{request.commit!r} is not a commit: 40 hexadecimal digits")
    return request


def rollback_target(released: list[Summary], serving: str | None, named: str | None) -> Summary:
    """The release to return to: the one that is named, else the last that served before this one. HostError if none."""
    if named is not None:
        if not RELEASE_ID.fullmatch(named):
            raise HostError(f"{named!r} is not a release: see `slipway ledger`")
        for summary in reversed(released):
            if summary.release == named:
                return summary
        raise HostError(f"{named} never served: see `slipway ledger`")
    for summary in reversed(released):
        if summary.release != serving:
            return summary
    raise HostError("there is no release before this one")


@dataclass
class Session:
    """A host that is ours until the lock is given back."""

    layout: Layout
    effects: HostEffects
    coordinator: Coordinator
    owner: str
    progress: Progress

    def state(self, release: str, commit: str, revision: str, kind: str = "release", kept: bool = False) -> State:
        """A release about to begin, into the slot that does not serve."""
        slots = self.effects.slots
        live, idle = slots.live(), slots.idle()
        return State(
            release=release,
            commit=commit,
            revision=revision,
            owner=self.owner,
            slot=idle,
            old_slot=live if live and slots.release(live) else None,
            old_release=slots.release(live) if live else None,
            slot_had=slots.release(idle),
            boot=boot_id(),
            kind=kind,
            kept=kept,
        )

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
def _session(layout: Layout, config: Config, owner: str, take_over: bool, cold: bool = False) -> Iterator[Session]:
    """The lock, what an earlier release left set right, and then the host."""
    progress = Progress(None)
    lock = Lock(layout.state)
    former = lock.acquire(owner, take_over)
    try:
        if former is not None:
            held = age(time.time() - former.started)
            progress.say(f"took over the lock of {former.owner} ({held} old, step {former.step or 'none'})")
        token = lock.mine.token if lock.mine else ""
        effects = HostEffects(layout, config, progress, token, cold)
        effects.learn_secrets()
        states, ledger = StateFile(layout.state), Ledger(layout.state)
        coordinator = Coordinator(effects, states, ledger, lock, progress, Interrupts().allowed)
        mended = coordinator.recover(cold)
        if mended:
            progress.say(f"recovered: {mended}")
        yield Session(layout, effects, coordinator, owner, progress)
    finally:
        lock.release()
        progress.close()


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


def _is(layout: Layout, release: str, request: Request) -> bool:
    identity = release_config.identity(layout.release(release))
    return identity.get("commit") == request.commit and identity.get("revision") == request.revision


def _options(command: str, argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"slipway {command}")
    parser.add_argument("--take-over", action="store_true", help="end a release that is under way, and undo it")
    if command != "release":
        parser.add_argument("--owner", default="root", help="who is doing this, for the ledger")
    if command == "rollback":
        parser.add_argument("release", nargs="?", help="a release that served once (default: the one before)")
    if command == "recover":
        parser.add_argument("--boot", action="store_true", help="nothing of the product runs yet, nothing is started")
    return parser.parse_args(argv)
