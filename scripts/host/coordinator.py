"""A release, step by step: each is written down before it begins, and whatever happens one release serves after."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace

from .effects import Effects
from .ledger import Ledger
from .lock import Lock, LockError
from .progress import Progress
from .run import HostError
from .state import STEPS, State, StateFile, steps_of


class ReleaseError(HostError):
    """A release that failed; the old one serves."""

    def __init__(self, state: State, reason: str, tail: list[str]) -> None:
        super().__init__(reason)
        self.state = state
        self.lines = tail

    def describe(self) -> str:
        """The one line that says which step and why."""
        return f"{self.state.kind} failed at step {self.state.step}: {self.reason}"


@dataclass
class Coordinator:
    """Runs, returns and finishes releases. `effects` does the work, so tests can give it another host."""

    effects: Effects
    states: StateFile
    ledger: Ledger
    lock: Lock
    progress: Progress
    interruptible: Callable[[], AbstractContextManager[None]] = nullcontext

    def release(self, state: State) -> list[str]:
        """Bring `state.release` to serve; notes about what did not go as it should without failing the release.

        ReleaseError if it failed, after the old release is back. LockError if somebody took over: then nothing is
        undone, it is the other's to decide.
        """
        self.begin(state)
        return self._run(state, 0)

    def begin(self, state: State) -> None:
        """Write down that `state` is under way."""
        self.states.save(state)
        self.ledger.append("started", **state.facts())

    def advance(self, state: State, segment: str, steps: Sequence[str]) -> None:
        """Take some steps of a fleet's release and write down that they are done; ReleaseError as `release` has it."""
        state = self._take(state, steps, [])
        self.states.save(replace(state, done=segment))

    def finish(self, state: State, steps: Sequence[str]) -> list[str]:
        """Take the last steps of a fleet's release, of which those that were taken before an interruption stay so."""
        return self._run(state, max(state.reached, STEPS.index(steps[0])))

    def undo(self, state: State, reason: str) -> None:
        """Let the old release serve again, from wherever `state` is."""
        self._tell_start(state)
        self._return(state, reason)

    def recover(self, cold: bool = False) -> str | None:
        """Finish or undo what was interrupted; one line about it, None if nothing was.

        `cold`: the host has just booted and none of the product's processes runs yet, so only links are set right, and
        what they lead to is started by whoever comes next.
        """
        state = self.states.load()
        if state is None:
            return None
        self._tell_start(state)
        if state.returning is None and state.decided:
            return self._finish_interrupted(state, cold)
        return self._undo_interrupted(state, state.returning or f"interrupted at step {state.step}")

    def _undo_interrupted(self, state: State, reason: str) -> str:
        self._return(state, reason)
        return f"undid the interrupted release {state.release} (step {state.step}); {_serving(state.old_release)}"

    def _finish_interrupted(self, state: State, cold: bool) -> str:
        if cold:
            self.effects.switch(state.slot)
            self.effects.follow()
            note = f"finished at boot after an interruption at step {state.step}"
            if state.reached <= STEPS.index("after-switch"):
                note += "; " + ("not" if state.committed else "neither verified nor")
                note += " followed by its after-switch jobs"
            self.effects.remember(state.old_slot)
            self._end(state, "released", note)
            return f"finished the interrupted release {state.release} (step {state.step})"
        note = f"finished after an interruption at step {state.step}"
        try:
            self.effects.ensure(state.slot)
        except HostError as error:
            if state.way_back:
                reason = f"interrupted at step {state.step}, and not well after: {error.reason}"
                return self._undo_interrupted(state, reason)
            note += f"; {error.reason}"
        try:
            self._run(state, state.reached, note)
        except ReleaseError as error:
            return f"{error.describe()}; {_serving(state.old_release)}"
        return f"finished the interrupted release {state.release} (step {state.step})"

    def _run(self, state: State, first: int, note: str = "") -> list[str]:
        notes = [note] if note else []
        state = self._take(state, STEPS[first:], notes)
        self._end(state, "released", "; ".join(notes))
        return notes

    def _take(self, state: State, steps: Sequence[str], notes: list[str]) -> State:
        """Take these steps; where that leaves the release. What fails beyond the way back goes to `notes`."""
        for step in filter(self.effects.steps.__contains__, steps):
            state = replace(state, step=step)
            began = time.monotonic()
            # a wish to end comes too late once the old release is being stopped: nothing there can be left undone
            until_then = self.interruptible if state.way_back else nullcontext
            try:
                self._record(state)
                self.progress.begin(step)
                with until_then():
                    ran = self._step(state)
            except LockError:
                raise
            except Exception as error:  # a mistake of ours or a full disk must not leave the old release down either
                if state.way_back:
                    self._fail(state, _reason(error))
                notes.append(f"{step}: {_reason(error)}")
                self.progress.say(f"note: {notes[-1]}")
                ran = True
            if ran:
                seconds = time.monotonic() - began
                with suppress(OSError):  # how long it took is not worth a release
                    self.ledger.append("step", release=state.release, step=step, seconds=round(seconds, 2))
                self.progress.end(step, seconds)
        return state

    def _record(self, state: State) -> None:
        """Write down where the release is, before it goes there. What only ends it is done on a full disk, too."""
        try:
            self.lock.at(state.step)
            self.states.save(state)
        except OSError:
            if state.way_back:
                raise

    def _step(self, state: State) -> bool:
        """Do one step; False if this release has nothing to do there."""
        if state.step not in steps_of(state):
            return False
        pieces: dict[str, Callable[[], None]] = {
            "preflight": lambda: self.effects.preflight(state),
            "fetch": lambda: self.effects.fetch(state),
            "environment": lambda: self.effects.environment(state),
            "install": lambda: self.effects.install(state),
            "build": lambda: self.effects.build(state),
            "migrate": lambda: self.effects.jobs(state, "before-switch"),
            "start": lambda: self._start(state),
            "health": lambda: self.effects.healthy(state.slot),
            "workers": lambda: self._start_role(state, "worker"),
            "scheduler": lambda: self._scheduler(state),
            "switch": lambda: self._switch(state),
            "verify": lambda: self.effects.verify(state),
            "after-switch": lambda: self.effects.jobs(state, "after-switch"),
            "drain": self.effects.drain,
            "stop": lambda: self._stop_old(state),
            "prune": lambda: self.effects.prune(state),
        }
        pieces[state.step]()
        return True

    def _start(self, state: State) -> None:
        self.effects.stop(state.slot)
        self.effects.assign(state.slot, state.release)
        self.effects.start(state.slot, "web")

    def _start_role(self, state: State, role: str) -> None:
        self.effects.start(state.slot, role)
        self.effects.ready(state.slot, role)

    def _scheduler(self, state: State) -> None:
        """Exactly one scheduler: the old one ends before the new one starts, on the one host that has it."""
        if state.old_slot is not None:
            self.effects.stop(state.old_slot, "scheduler")
        if state.leader:
            self._start_role(state, "scheduler")

    def _switch(self, state: State) -> None:
        self.effects.switch(state.slot)
        self.effects.follow()

    def _stop_old(self, state: State) -> None:
        """There is no way back from here: so this is tried again before it is only told."""
        if state.old_slot is None:
            return
        try:
            self.effects.stop(state.old_slot)
        except HostError as error:
            self.progress.log(f"stopping the old release: {error.reason}; once more")
            self.effects.stop(state.old_slot)

    def _fail(self, state: State, reason: str) -> None:
        """Go back, write it down, raise ReleaseError."""
        tail = list(self.progress.tail)
        try:
            self._return(state, reason)
        except LockError:
            raise
        except Exception as error:
            worse = f"{reason}; and going back failed: {_reason(error)} (`slipway recover` tries again)"
            self.ledger.append("failed", release=state.release, step=state.step, reason=self.progress.masker(worse))
            raise ReleaseError(state, worse, tail) from error
        raise ReleaseError(state, reason, tail)

    def _return(self, state: State, reason: str) -> None:
        """Let the old release serve again and remove what the new one left. Safe to repeat from anywhere."""
        self.lock.check()
        reason = self.progress.masker(reason)
        state = replace(state, returning=reason)
        with suppress(OSError):  # a full disk: what is to be undone is undone, and the rest says so
            self.states.save(state)
        if state.old_slot is not None:
            reason += self._serve_again(state, state.old_slot)
        else:
            self.effects.withdraw()
            reason += self._follow_back()
        if state.reached >= STEPS.index("start"):
            self.effects.stop(state.slot)
            self.effects.assign(state.slot, state.slot_had)
            self.effects.remember(state.slot if state.slot_had else None)
        if not state.kept:
            self.effects.remove(state.release)
        self._end(state, "failed", reason)

    def _serve_again(self, state: State, old: str) -> str:
        """Switch back, then give the old release its scheduler back; what can't be had there, as a note.

        The two schedulers never run both. An old service that does not come up is no reason to leave two releases up.
        """
        moved = self.effects.live_slot() != old
        self.effects.switch(old)  # also if it serves: a crash may have come in the middle of it
        note = self._follow_back()
        if moved:
            self.effects.drain()
        if state.reached >= STEPS.index("scheduler"):
            self.effects.stop(state.slot, "scheduler")
            try:
                self.effects.ensure(old)
            except HostError as error:
                note += f"; the old release is back, but: {error.reason}"
        return note

    def _follow_back(self) -> str:
        """nginx takes the old routes again. If it can't, what else there is to undo is undone all the same."""
        try:
            self.effects.follow()
        except HostError as error:
            return f"; the old routes are back, but: {error.reason}"
        return ""

    def _tell_start(self, state: State) -> None:
        """The crash may have come between the state and the ledger's first line about it."""
        attempts = self.ledger.summaries()
        if not attempts or attempts[-1].release != state.release:
            self.ledger.append("started", **state.facts())

    def _end(self, state: State, outcome: str, reason: str) -> None:
        reason = self.progress.masker(reason)
        attempts = self.ledger.summaries()
        told = attempts and attempts[-1].release == state.release and attempts[-1].outcome == outcome
        if not told:  # else the crash came between the ledger and the state
            try:
                self.ledger.append(outcome, release=state.release, slot=state.slot, step=state.step, reason=reason)
            except OSError as error:
                self.progress.say(f"note: the ledger could not be written: {error.strerror}")
        self.states.clear()


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, HostError) else f"{type(error).__name__}: {error}"


def _serving(release: str | None) -> str:
    return f"{release} serves" if release else "nothing serves"
