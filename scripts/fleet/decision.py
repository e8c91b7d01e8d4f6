"""What the hosts' words add up to: whether a release that was left goes forward or back, and each host's way there.

Nothing here asks or tells a host anything, so that every case can be looked at.

- A release that no host has committed is undone by all. It is committed on the leader before anywhere else, and a host
  that boots undoes what it has not committed itself: so whoever hears the leader, and of no commit, knows of all.
- A release that some host has committed, or has come to the end of, is the one that all go to.
- Where hosts came to the end of different releases (one undid, at its boot, what the others went on with; somebody
  returned one host by hand; a return to an older release was cut short), all go to what was begun last. If one can't,
  they all go to another: an older release on every host is better than two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from scripts.fleet.protocol import Status


@dataclass(frozen=True)
class Move:
    """A verb for one host, about one release. `previous` is what is to serve after a return; None: nothing."""

    verb: str
    release: str
    previous: str | None = None


ANEW = ("stage", "start", "switch", "commit", "finish")
"""How a host gets to a release that it does not have. The leader of those that have it has migrated already."""


@dataclass(frozen=True)
class Decision:
    """`forward`: all hosts to `release`; `return`: away from it, each to what it served before; `stuck`: no way."""

    course: Literal["nothing", "forward", "return", "stuck"]
    release: str = ""


NOTHING = Decision("nothing")


def decide(hosts: Collection[Status], stageable: Collection[str], given_up: Collection[str] = frozenset()) -> Decision:
    """What to do next with hosts that said this. Those that did not answer are not among them.

    `stageable` are releases that a host can be asked for anew, `given_up` those that some host can't get to.
    """
    under_way = sorted({status.state.release.id for status in hosts if status.state is not None})
    for release in under_way:
        if not is_committed(release, hosts):
            return Decision("return", release)
    for target in _newest_first(hosts):
        ways = [way(status, target, target in stageable) for status in hosts]
        if target not in given_up and None not in ways:
            return Decision("forward", target) if any(ways) else NOTHING
    for release in under_way:
        if any(uncommitted(status, release) for status in hosts):
            return Decision("return", release)
    serving = {status.live for status in hosts} - {None}
    return Decision("stuck") if under_way or len(serving) > 1 else NOTHING


def is_committed(release: str, hosts: Collection[Status]) -> bool:
    """Whether a host has committed this release, or serves it and has ended it."""
    return any(release == decided(status) for status in hosts)


def decided(status: Status) -> str | None:
    """The release that a host stands by, whatever becomes of the coordinator."""
    if status.state is None:
        return status.live
    return status.state.release.id if status.state.committed else status.state.previous


def uncommitted(status: Status, release: str) -> bool:
    """Whether a host has begun this release, and would undo it by itself."""
    return status.state is not None and status.state.release.id == release and not status.state.committed


def way(status: Status, target: str | None, stageable: bool) -> tuple[Move, ...] | None:
    """How a host gets to serve `target`: () if it does, None if it can't. A host that serves nothing may stay so."""
    state = status.state
    if state is None:
        return _from_rest(status.live, status, target, stageable)
    if state.release.id == target:
        if state.committed:
            return (Move("finish", target, state.previous),)
        if state.done == "switch":
            return tuple(Move(verb, target, state.previous) for verb in ("commit", "finish"))
    if not state.fleet and target in (state.release.id, state.previous):
        # of one host alone: it ends or undoes that itself before it does what it is asked, and we can't know which
        return (Move("return", _other(target, state.release.id, state.previous), target),)
    back = (Move("return", state.release.id, state.previous),)
    if state.previous == target:
        return back
    onward = _from_rest(state.previous, status, target, stageable)
    return None if onward is None else back + onward


def previous_of(hosts: Sequence[Status], stageable: Collection[str]) -> str | None:
    """The last release that served before the one that serves now, and that every host can get to; None without one.

    A host that was made since has not served it, and gets it anew; what a host has not served that was there already
    never was the fleet's release.
    """
    begun: dict[str, str] = {}
    for host in hosts:
        for release in host.served:
            begun[release.id] = max(begun.get(release.id, ""), release.started)
    for live in {host.live for host in hosts}:
        begun.pop(live or "", None)
    for target in sorted(begun, key=lambda release: (begun[release], release), reverse=True):
        known = all(host.known(target) for host in hosts if host.served and host.served[0].started < begun[target])
        if known and all(way(host, target, target in stageable) is not None for host in hosts):
            return target
    return None


def _from_rest(live: str | None, status: Status, target: str | None, stageable: bool) -> tuple[Move, ...] | None:
    if live == target:
        return ()
    if live is not None and (target is None or any(release.id == target for release in status.served)):
        return (Move("return", live, target),)
    if stageable and target is not None:
        return tuple(Move(verb, target, live) for verb in ANEW)
    return None if live is not None else ()


def _other(one: str | None, first: str, second: str | None) -> str:
    return first if one == second or second is None else second


def _newest_first(hosts: Collection[Status]) -> list[str]:
    """What hosts stand by, the one that was begun last before all others. What is under way is begun now."""
    begun: dict[str, tuple[bool, str, str]] = {}
    for status in hosts:
        release = decided(status)
        if release is not None:
            known = status.known(release)
            committed = status.state is not None and status.state.committed
            order = (committed, known.started if known else "", release)
            begun[release] = max(begun.get(release, order), order)
    return sorted(begun, key=lambda release: begun[release], reverse=True)
