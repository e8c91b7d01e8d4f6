"""`slipway fleet <verb>`: this host's part of a release of all hosts of a fleet.

The same release has the same name on every host, and takes the same steps as a release of one host, in segments:
whoever leads it (scripts/fleet) begins a segment when all hosts are ready for it. Between two segments no process of it
runs here; the state and the lock stay, and the lock holds until it expires. Each verb may be repeated, whatever became
of it: one that is done answers so. What is asked comes as JSON on standard input, what happens goes out as lines of
JSON: `holds` says that the lock is taken, `begin` and `step` tell of steps, `say` is for people, and the last one is
the answer, with `ok` or with `error`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

from . import compose_config, fleet_status, read_only, read_only_command
from .coordinator import ReleaseError
from .fleet_progress import FleetProgress, tell
from .ledger import Ledger
from .lock import Lease, Lock, LockError
from .progress import Progress
from .release import RELEASE_ID, check_kind, rollback_target
from .release_config import Layout
from .request import Request, request_of
from .run import HostError
from .session import HERE, Place, Session, session
from .state import NO_WAY_BACK, State

SEGMENTS = {
    "stage": ("preflight", "fetch", "environment", "install", "build"),
    "migrate": ("migrate",),
    "start": ("start", "health", "workers"),
    "switch": ("scheduler", "switch", "verify"),
    "finish": ("after-switch", "drain", "stop", "prune"),
}
"""The steps of each segment. `commit`, between the last two, is one line in the state of every host."""
ORDER = ("", "stage", "migrate", "start", "switch")
"""How far a release has come by the last segment that is done."""
OF_NO_RELEASE = ("status", "read-only")
"""Verbs that need no lock: whatever is under way goes on."""
EXPIRES_IN = 900.0
"""Seconds that a lock outlives its last verb, unless a call says otherwise."""
PATIENCE = 900.0
"""Seconds that a verb waits for one of the same release that still runs: its connection was lost, it was not."""


Answer = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What a verb is told. `previous` is the release that served on this host before the fleet's, `on` read-only's."""

    fleet: str
    owner: str
    leader: bool = False
    expires_in: float = EXPIRES_IN
    previous: str | None = None
    take_over: bool = False
    request: Request | None = None
    on: bool = False


def main(argv: list[str], place: Place = HERE, source: TextIO | None = None) -> int:
    """Do one verb; 0 if what it stands for is so after, else 1."""
    if len(argv) != 1 or argv[0] not in (*_VERBS, *OF_NO_RELEASE):
        raise HostError(f"usage: slipway fleet {'|'.join((*_VERBS, *OF_NO_RELEASE))} (what it is about comes as JSON)")
    progress = FleetProgress()
    try:
        answer = _answer(argv[0], (source or sys.stdin).read(), place, progress)
    except ReleaseError as error:
        return _failed(progress, error.describe(), error.lines)
    except HostError as error:
        return _failed(progress, error.reason, error.tail, locked=isinstance(error, LockError))
    tell(ok=True, **answer)
    return 0


def _failed(progress: Progress, reason: str, lines: Sequence[str], locked: bool = False) -> int:
    tell(error=progress.masker(reason), lines=[progress.masker(line) for line in lines], locked=locked)
    return 1


def _answer(verb: str, text: str, place: Place, progress: Progress) -> dict[str, Any]:
    layout, config = place.layout()
    call = read_call(text, verb)
    lease = Lease(call.fleet, call.expires_in, urgent=verb == "return")
    if verb == "status":
        if call.fleet:
            Lock(layout.state).renew(call.owner, lease)
        return fleet_status.status(layout)
    if verb == "read-only":
        read_only_command.switch(layout, config, call.on, progress.say)
        return {"note": read_only.note(layout)}
    if call.request is not None:
        check_kind(call.request, config)
    _wait_for_own(layout, call, lease)
    with session(layout, config, call.owner, call.take_over, lease=lease, progress=progress) as host:
        progress.open(layout.log(call.fleet))
        try:
            found = _VERBS[verb](host, call)
        except ReleaseError as error:
            progress.log(error.describe())
            raise
        return {**found, "live": host.serving()}


def read_call(text: str, verb: str) -> Call:
    """The call in `text`; HostError says what is wrong with it."""
    try:
        data = json.loads(text)
        call = Call(
            fleet=str(data["fleet"] or "") if verb in OF_NO_RELEASE else str(data["fleet"]),
            owner=str(data["owner"]),
            leader=bool(data.get("leader", False)),
            expires_in=float(data.get("expires_in", EXPIRES_IN)),
            previous=data.get("previous"),
            take_over=bool(data.get("take_over", False)),
            request=_request(data) if verb == "stage" else None,
            on=bool(data["on"]) if verb == "read-only" else False,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HostError(f"what came on standard input is no call of fleet {verb}: {error}") from None
    for name in [call.previous, call.fleet if call.fleet or verb not in OF_NO_RELEASE else None]:
        if name is not None and not RELEASE_ID.fullmatch(str(name)):
            raise HostError(f"{name!r} is not a release, such as 20261121T100000-0123abcd")
    return call


def _stage(host: Session, call: Call) -> Answer:
    state = host.coordinator.states.load()
    if state is None:
        if host.serving() == call.fleet:
            return {"note": "it serves already"}
        assert call.request is not None  # noqa: S101 (read_call: with this verb there is one)
        state = replace(host.state(call.fleet, call.request), fleet=True, leader=call.leader)
        host.coordinator.begin(state)
    elif call.request is not None and state.commit != call.request.commit:
        raise HostError(f"{call.fleet} is under way here as {state.commit}: another release needs another name")
    return {**_advance(host, state, "stage"), "checks": host.effects.checks()}


def _migrate(host: Session, call: Call) -> Answer:
    answer = _next("migrate")(host, call)
    entries = host.coordinator.ledger.entries()
    dumps = [entry for entry in entries if entry["event"] == "dump" and entry["release"] == call.fleet]
    found = {entry["name"]: {"name": entry["name"], "mib": round(entry["bytes"] / 2**20, 2)} for entry in dumps}
    return {**answer, "dumps": list(found.values())}


def _switch(host: Session, call: Call) -> Answer:
    answer = _next("switch")(host, call)
    state = host.coordinator.states.load()
    found = host.effects.leaks(state.slot) if state is not None else []
    return {**answer, "checks": {"logs": "; ".join(found) or "ok"}}


def _next(verb: str) -> Callable[[Session, Call], Answer]:
    def segment(host: Session, call: Call) -> Answer:
        state = host.coordinator.states.load()
        if state is None:
            return _past(host, call)
        return _advance(host, state, verb)

    return segment


def _advance(host: Session, state: State, verb: str) -> Answer:
    """Take a segment, from its beginning if it was interrupted. The one before has to be done; few migrate."""
    done, place = ORDER.index(state.done), ORDER.index(verb)
    if done >= place:
        return {"note": "done before"}
    if done < place - 1 and not (verb == "start" and state.done == "stage"):
        raise HostError(
            f"{verb} comes after {ORDER[place - 1]}; {state.release} has done {state.done or 'nothing'} here"
        )
    host.coordinator.advance(state, verb, SEGMENTS[verb])
    return {}


def _commit(host: Session, call: Call) -> Answer:
    state = host.coordinator.states.load()
    if state is None:
        return _past(host, call)
    if state.done != "switch":
        raise HostError(f"{call.fleet} does not serve here yet: it has done {state.done or 'nothing'}")
    host.coordinator.states.save(replace(state, committed=True))
    return {}


def _finish(host: Session, call: Call) -> Answer:
    state = host.coordinator.states.load()
    if state is None:
        return _past(host, call)
    if not state.committed:
        raise HostError(f"{call.fleet} is not committed here: a host that finishes has no way back")
    return {"note": "; ".join(host.coordinator.finish(state, SEGMENTS["finish"]))}


def _return(host: Session, call: Call) -> Answer:
    """Undo what is under way. Where it has ended already: back to the release before, by a release of its own."""
    coordinator = host.coordinator
    state = coordinator.states.load()
    if state is not None and state.reached < NO_WAY_BACK:
        coordinator.undo(state, f"returned at step {state.step} with the whole fleet")
        return {}
    if state is not None:
        coordinator.finish(state, SEGMENTS["finish"])
    if host.serving() != call.fleet:
        return {"note": "nothing to undo"}
    if call.previous is None:
        coordinator.undo(_first(host, call), "returned with the whole fleet; nothing served before")
        return {}
    target = rollback_target(Ledger(host.layout.state).released(), call.fleet, call.previous)
    identity = compose_config.of_release(host.layout.release(call.previous))
    coordinator.release(replace(host.back_to(target), leader=bool(identity.get("leader", call.leader))))
    return {}


def _first(host: Session, call: Call) -> State:
    """The first release of this host as a state that can be undone, although it has ended."""
    live = host.effects.live_slot() or ""
    request = Request("", "", call.owner)
    return replace(
        host.state(call.fleet, request), slot=live, old_slot=None, old_release=None, slot_had=None, step="stop"
    )


def _past(host: Session, call: Call) -> Answer:
    """HostError unless this host has been through with the fleet's release already."""
    if host.serving() != call.fleet:
        raise HostError(f"{call.fleet} is not under way here: {host.serving() or 'nothing'} serves")
    return {"note": "it serves already"}


_VERBS: Mapping[str, Callable[[Session, Call], Answer]] = {
    "stage": _stage,
    "migrate": _migrate,
    "start": _next("start"),
    "switch": _switch,
    "commit": _commit,
    "finish": _finish,
    "return": _return,
}


def _request(data: Mapping[str, Any]) -> Request:
    return request_of({**data["request"], "owner": data["owner"]})


def _wait_for_own(layout: Layout, call: Call, lease: Lease) -> None:
    """Let a verb of the same release end that still runs here; a return does not wait for it, it ends it."""
    until = time.monotonic() + PATIENCE
    while not lease.urgent and not call.take_over and time.monotonic() < until:
        holder = Lock(layout.state).holder()
        if holder is None or not holder.has(lease, call.owner) or not holder.running():
            return
        time.sleep(0.5)
