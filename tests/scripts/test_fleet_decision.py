"""What the hosts' words add up to: every mix that hosts can be in ends on one release, by the rules of the contract."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pytest

from scripts.fleet.decision import NOTHING, Decision, Move, decide, decided, is_committed, previous_of, way
from scripts.fleet.protocol import Release, Status, UnderWay

OLDER = Release("20261119T100000-00000000", started="2026-11-19T10:00:00Z")
OLD = Release("20261120T100000-11111111", started="2026-11-20T10:00:00Z")
NEW = Release("20261121T100000-22222222", started="2026-11-21T10:00:00Z")
ALL = frozenset({OLDER.id, OLD.id, NEW.id})


def at_rest(*served: Release) -> Status:
    """A host on which these ended well, the last of them serves."""
    return Status(served[-1].id if served else None, None, served)


def under_way(
    release: Release, *served: Release, done: str = "", committed: bool = False, fleet: bool = True
) -> Status:
    """A host on its way to `release`, which served others before."""
    previous = served[-1].id if served else None
    live = release.id if done == "switch" else previous
    return Status(live, UnderWay(release, previous, committed, fleet, done=done), served)


BEGUN = [
    under_way(NEW, *served, done=done)
    for served in ((), (OLD,), (OLDER, OLD))
    for done in ("", "stage", "migrate", "start", "switch")
]
COMMITTED = [under_way(NEW, *served, done="switch", committed=True) for served in ((), (OLD,), (OLDER, OLD))]
RESTING = [at_rest(), at_rest(OLDER), at_rest(OLDER, OLD), at_rest(OLD), at_rest(OLD, NEW), at_rest(NEW)]
RETURNED = at_rest(NEW, replace(OLD, started="2026-11-22T10:00:00Z"))
RETURNING = under_way(replace(OLD, started=""), OLD, NEW, fleet=False)
EVERY = [*BEGUN, *COMMITTED, *RESTING, RETURNED, RETURNING, under_way(OLD, OLDER, done="switch", committed=True)]


def after(status: Status, move: Move) -> Status:
    """What a host says once it has made a move. AssertionError for one that it would refuse."""
    state = status.state
    if move.verb == "return":
        if state is not None and (state.release.id == move.release or not state.fleet):
            return after(Status(state.previous, None, status.served), move)
        assert state is None
        if status.live != move.release:
            return status
        return Status(move.previous, None, _served(status, move.previous) if move.previous else status.served)
    if move.verb == "stage":
        assert state is None
        release = next(one for one in (OLDER, OLD, NEW) if one.id == move.release)
        return replace(status, state=UnderWay(release, status.live, done="stage"))
    assert state is not None
    assert state.release.id == move.release
    if move.verb == "finish":
        assert state.committed
        return Status(move.release, None, (*status.served, state.release))
    if move.verb == "commit":
        assert state.done == "switch"
        return replace(status, state=replace(state, committed=True))
    assert move.verb in ("start", "switch")
    return replace(status, live=move.release, state=replace(state, done=move.verb))


def _served(status: Status, release: str) -> tuple[Release, ...]:
    again = next(one for one in status.served if one.id == release)
    return (*(one for one in status.served if one is not again), replace(again, started="2026-11-23T10:00:00Z"))


def mixes(size: int) -> Iterator[tuple[Status, ...]]:
    """Every mix of hosts, whatever led to it."""
    return itertools.product(EVERY, repeat=size)


def settle(hosts: Sequence[Status], stageable: Collection[str], given_up: Collection[str] = ()) -> list[Status]:
    """What the hosts say once all that is decided has been done. AssertionError if that does not come to an end."""
    found = list(hosts)
    for _ in range(6):
        decision = decide(found, stageable, given_up)
        if decision.course in ("nothing", "stuck"):
            return found
        for number, status in enumerate(found):
            for move in _moves(decision, status, stageable):
                found[number] = after(found[number], move)
    raise AssertionError(f"no end: {decision}")


def _moves(decision: Decision, status: Status, stageable: Collection[str]) -> Sequence[Move]:
    if decision.course == "forward":
        moves = way(status, decision.release, decision.release in stageable)
        assert moves is not None
        return moves
    state = status.state
    if state is None or state.release.id != decision.release or state.committed:
        return ()
    return (Move("return", state.release.id, state.previous),)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_mix_ends_on_one_release(size: int) -> None:
    for hosts in mixes(size):
        ended = settle(hosts, ALL)
        assert all(status.state is None for status in ended), hosts
        assert len({status.live for status in ended}) == 1, hosts


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_release_that_no_host_has_committed_is_returned_from_everywhere(size: int) -> None:
    for hosts in itertools.product([*BEGUN, at_rest(OLD), at_rest(OLDER, OLD)], repeat=size):
        if any(status.state is not None for status in hosts):
            assert decide(hosts, ALL) == Decision("return", NEW.id), "before a new host gets what the others serve"
        ended = settle(hosts, frozenset())
        for before, status in zip(hosts, ended, strict=True):
            assert status.state is None
            assert status.live == decided(before), hosts


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_release_that_one_host_has_committed_goes_forward_everywhere(size: int) -> None:
    """Also on those that undid it at their boot, and on those that are new."""
    for hosts in itertools.product([*BEGUN, *COMMITTED, at_rest(OLD), at_rest(OLD, NEW), at_rest()], repeat=size):
        if is_committed(NEW.id, hosts):
            assert {status.live for status in settle(hosts, {NEW.id})} == {NEW.id}, hosts


@pytest.mark.parametrize("size", [2, 3])
def test_what_one_host_cannot_get_to_no_host_stays_on(size: int) -> None:
    """The one that failed has gone back by itself, so that all can follow it."""
    for hosts in itertools.product([*COMMITTED[1:], at_rest(OLD), at_rest(OLDER, OLD, NEW)], repeat=size):
        ended = settle(hosts, ALL, given_up={NEW.id})
        if any(status.live == OLD.id and status.state is None for status in hosts):
            assert {status.live for status in ended} == {OLD.id}, hosts


@pytest.mark.parametrize("size", [1, 2, 3])
def test_without_knowing_more_nothing_is_done_that_a_host_refuses(size: int) -> None:
    """Hosts that tell too little of their releases: then some mixes stay, and are called stuck."""
    for hosts in mixes(size):
        ended = settle(hosts, frozenset())
        if len({status.live for status in ended} - {None}) > 1:
            assert decide(ended, frozenset()) == Decision("stuck"), hosts


def test_hosts_that_agree_have_nothing_to_do() -> None:
    assert decide([], ALL) == NOTHING
    assert decide([at_rest(OLD)] * 3, ALL) == NOTHING
    assert decide([at_rest()] * 3, ALL) == NOTHING
    assert decide([at_rest(OLDER, OLD), at_rest(OLD)], ALL) == NOTHING


def test_a_return_that_was_cut_short_goes_on() -> None:
    """It was begun after the release that it returns from."""
    assert decide([RETURNED, at_rest(OLD, NEW)], frozenset()) == Decision("forward", OLD.id)
    assert way(at_rest(OLD, NEW), OLD.id, stageable=False) == (Move("return", NEW.id, OLD.id),)


def test_a_host_that_serves_nothing_gets_what_the_others_serve() -> None:
    """VU10: scaling is one number."""
    assert decide([at_rest(OLD), at_rest()], {OLD.id}) == Decision("forward", OLD.id)
    moves = way(at_rest(), OLD.id, stageable=True)
    assert moves is not None
    assert [move.verb for move in moves] == ["stage", "start", "switch", "commit", "finish"]
    assert decide([at_rest(OLD), at_rest()], frozenset()) == NOTHING, "nobody knows how to ask for it"


def test_a_host_that_served_the_release_before_needs_no_image_to_return() -> None:
    assert way(at_rest(OLD, NEW), OLD.id, stageable=True) == (Move("return", NEW.id, OLD.id),)
    assert way(at_rest(NEW), None, stageable=False) == (Move("return", NEW.id, None),)


def test_a_committed_release_is_finished_and_one_that_is_ready_committed() -> None:
    finish = Move("finish", NEW.id, OLD.id)
    assert way(under_way(NEW, OLD, done="switch", committed=True), NEW.id, stageable=True) == (finish,)
    assert way(under_way(NEW, OLD, done="switch"), NEW.id, stageable=False) == (Move("commit", NEW.id, OLD.id), finish)


def test_a_rollback_goes_to_the_last_release_that_all_can_get_to() -> None:
    assert previous_of([at_rest(OLDER, OLD, NEW)], ()) == OLD.id
    assert previous_of([at_rest(OLDER, OLD, NEW), at_rest(OLDER, NEW)], ()) == OLDER.id
    assert previous_of([at_rest(OLDER, OLD, NEW), at_rest(NEW)], {OLD.id}) == OLD.id, "a newer host can have it made"
    assert previous_of([at_rest(NEW), at_rest(OLDER, OLD, NEW)], {OLD.id}) == OLD.id, "also where it is the first"
    alone = [at_rest(OLDER, OLD, NEW), at_rest(OLDER, NEW)]
    assert previous_of(alone, ALL) == OLDER.id, "what one host served alone was given up by the fleet"
    assert previous_of([at_rest(NEW)], ()) is None
    assert previous_of([], ()) is None
