"""A release of all hosts of a fleet: whatever is killed or fails, and wherever, all hosts serve the same one after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from scripts.host import lock as locks
from scripts.host import release
from scripts.host.ledger import Ledger
from scripts.host.lock import LockError
from scripts.host.run import HostError
from tests.host_scripts.fake_effects import CrashError
from tests.host_scripts.fake_fleet import OWNER, REQUEST, FailedError, FakeFleet, Host, expire
from tests.host_scripts.fake_releases import NEW, OLD, OLDER

Make = Callable[..., FakeFleet]
VERBS = ("stage", "migrate", "start", "switch", "commit", "finish")


@pytest.fixture
def make(place: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Fleets, one after another."""
    made: list[FakeFleet] = []

    def one(scenario: str = "second", hosts: int = 2) -> FakeFleet:
        made.append(FakeFleet(place / str(len(made)), scenario, monkeypatch, hosts))
        return made[-1]

    return one


def points(make: Make, scenario: str) -> list[str]:
    """Every point that a release without trouble passes."""
    whole = make(scenario)
    assert whole.release() == "released"
    return whole.trouble.passed


def assert_one_release(whole: FakeFleet, where: str) -> str | None:
    """All hosts are at rest and serve the same; which."""
    for number, host in enumerate(whole.hosts):
        host.assert_at_rest(f"{where}, host {number}")
    [serving] = {host.serving() for host in whole.hosts}
    assert serving in (NEW, None if whole.scenario == "first" else OLD), where
    return serving


def assert_decides_for_itself(host: Host, where: str) -> None:
    """A host that boots finishes what it has committed, and undoes anything else: nobody is there to be asked."""
    state, served = host.state(), host.serving()
    host.lose_power()
    if state is not None:
        assert host.serving() == (NEW if state.committed else state.old_release), where
    else:
        assert host.serving() == served, where
    host.assert_at_rest(f"{where}, booted")


@pytest.mark.parametrize("scenario", ["first", "second"])
def test_a_release_serves_on_all_hosts_and_migrates_on_one(make: Make, scenario: str) -> None:
    whole = make(scenario, hosts=3)
    assert whole.release() == "released"
    assert assert_one_release(whole, scenario) == NEW
    migrated = [host.effects.migrated for host in whole.hosts]
    assert migrated == [[f"{NEW} before-switch", f"{NEW} after-switch"], [], []]
    for host in whole.hosts:
        last = Ledger(host.place.state).summaries()[-1]
        assert (last.release, last.outcome, last.images) == (NEW, "released", REQUEST["images"])


@pytest.mark.parametrize("scenario", ["first", "second"])
def test_a_failure_at_any_point_returns_every_host(make: Make, scenario: str) -> None:
    """Once it is committed a failure is told, and the release stays."""
    finishing = points_before_finish(make, scenario)
    for number, name in enumerate(points(make, scenario)):
        if name.startswith("record "):
            continue
        whole = make(scenario)
        whole.trouble.kind, whole.trouble.at = "fail", number
        committed = whole.release() == "released"
        assert assert_one_release(whole, name) == (NEW if committed else None if scenario == "first" else OLD), name
        assert committed == (number >= finishing), name


def points_before_finish(make: Make, scenario: str) -> int:
    """How many points come before the first host finishes."""
    whole = make(scenario)
    for verb in VERBS[:-1]:
        for host in whole.hosts[:1] if verb == "migrate" else whole.hosts:
            host.call(verb)
    return len(whole.trouble.passed)


@pytest.mark.parametrize("power", [False, True], ids=["killed", "powered off"])
@pytest.mark.parametrize(("scenario", "stride"), [("second", 1), ("first", 4)])
def test_a_coordinator_and_a_host_that_die_at_any_point_leave_one_release(
    make: Make, scenario: str, stride: int, power: bool
) -> None:
    """Whoever comes next goes forward if any host has committed, else back; a host that boots does so by itself."""
    for number, name in list(enumerate(points(make, scenario)))[::stride]:
        whole = make(scenario)
        whole.trouble.kind, whole.trouble.at = "crash", number
        assert whole.release() == "killed", name
        whole.trouble.kind = "none"
        if power:
            assert_decides_for_itself(whole.current, name)
        committed = any(host.has_committed() for host in whole.hosts)
        whole.recover()
        assert assert_one_release(whole, f"{name} ({number})") == (
            NEW if committed else None if scenario == "first" else OLD
        ), name


@pytest.mark.parametrize("verbs", range(1, 11))
@pytest.mark.parametrize("power", ["none", "all", "last"])
def test_a_coordinator_that_dies_between_two_verbs_leaves_one_release(make: Make, verbs: int, power: str) -> None:
    whole = make("second")
    done = 0
    for verb in VERBS:
        for host in whole.hosts[:1] if verb == "migrate" else whole.hosts:
            if done < verbs:
                host.call(verb)
                done += 1
    for host in {"none": [], "all": whole.hosts, "last": whole.hosts[1:]}[power]:
        assert_decides_for_itself(host, f"after {verbs} verbs")
    committed = any(host.has_committed() for host in whole.hosts)
    whole.recover()
    assert assert_one_release(whole, f"after {verbs} verbs") == (NEW if committed else OLD)


def test_a_recovery_that_dies_is_recovered_from(make: Make) -> None:
    """Of every so many points of the release, and every so many of the recovery."""
    for first in range(0, len(points(make, "second")), 23):
        second = 0
        while True:
            whole = make("second")
            whole.trouble.kind, whole.trouble.at = "crash", first
            assert whole.release() == "killed"
            whole.trouble.passed, whole.trouble.at = [], second
            try:
                whole.recover()
            except CrashError:
                whole.trouble.kind = "none"
                if second % 2:
                    whole.current.lose_power()
                whole.recover()
                assert_one_release(whole, f"killed at {first}, then at {second}")
                second += 5
                continue
            break


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_may_be_repeated(make: Make, verb: str) -> None:
    """The coordinator may not have heard the answer."""
    whole = make("second")
    for before in VERBS:
        for host in whole.hosts:
            host.call(before)
        if before == verb:
            break
    passed = len(whole.trouble.passed)
    for host in whole.hosts:
        host.call(verb)
    again = [name for name in whole.trouble.passed[passed:] if not name.startswith("record ")]
    assert again == []


@pytest.mark.parametrize("verbs", range(7))
def test_a_return_goes_back_from_anywhere_and_may_be_repeated(make: Make, verbs: int) -> None:
    """Also from a host that is through with it: there it is a release of its own."""
    whole = make("second")
    for verb in VERBS[:verbs]:
        for host in whole.hosts:
            host.call(verb)
    for _ in range(2):
        for host in whole.hosts:
            host.call("return")
        assert assert_one_release(whole, str(verbs)) == OLD


def test_a_return_from_a_host_whose_old_release_has_been_stopped_starts_it_first(make: Make) -> None:
    """Visitors are led to nothing that does not run."""
    for at in range(40):
        whole = make("second")
        for verb in VERBS[:5]:
            for host in whole.hosts:
                host.call(verb)
        whole.trouble.kind, whole.trouble.at = "crash", len(whole.trouble.passed) + at
        with suppress(CrashError):
            whole.hosts[0].call("finish")
        whole.trouble.kind = "none"
        for host in whole.hosts:
            host.call("return")
        assert assert_one_release(whole, f"finish killed at {at}") == OLD


def test_a_first_release_that_has_ended_can_be_returned_from(make: Make) -> None:
    whole = make("first")
    assert whole.release() == "released"
    for _ in range(2):
        for host in whole.hosts:
            host.call("return")
        assert assert_one_release(whole, "first") is None
    assert Ledger(whole.hosts[0].place.state).summaries()[-1].outcome == "failed"


def test_a_boot_at_rest_starts_what_docker_did_not(make: Make) -> None:
    """The power went before Docker was told what is to come back."""
    host = make("second").hosts[0]
    host.effects.comes_back.clear()
    host.lose_power()
    host.assert_at_rest("booted")
    assert host.serving() == OLD


def test_a_return_that_died_is_ended_before_anything_else(make: Make) -> None:
    """What was to go back does not go forward again because somebody asks for the next verb."""
    for at in range(3, 30, 3):
        whole = make("second")
        host = whole.hosts[0]
        for verb in VERBS[:4]:
            host.call(verb)
        whole.trouble.kind, whole.trouble.at = "crash", len(whole.trouble.passed) + at
        try:
            host.call("return")
        except CrashError:
            whole.trouble.kind = "none"
            with pytest.raises(FailedError, match=f"{NEW} is not under way here: {OLD} serves"):
                host.call("switch")
        host.assert_at_rest(str(at))
        assert host.serving() == OLD


def test_verbs_come_in_their_order(make: Make) -> None:
    host = make("second").hosts[0]
    for verb in VERBS[1:]:
        with pytest.raises(FailedError, match=f"{NEW} is not under way here: {OLD} serves"):
            host.call(verb)
    host.call("stage")
    for verb, reason in (
        ("switch", f"switch comes after start; {NEW} has done stage here"),
        ("commit", "does not serve here yet: it has done stage"),
        ("finish", "is not committed here"),
    ):
        with pytest.raises(FailedError, match=reason):
            host.call(verb)
    host.call("return")


def test_another_release_is_refused_with_the_owner_s_name_until_the_lock_expires(make: Make) -> None:
    whole = make("second")
    host = whole.hosts[0]
    host.call("stage")
    other = {"fleet": OLDER, "owner": "bob (bob@desk)"}
    with pytest.raises(FailedError, match=r"release in progress: alice \(alice@laptop\) since"):
        host.call("stage", **other)
    with pytest.raises(LockError, match="alice"):
        release.rollback_main([], host.place)
    with pytest.raises(LockError, match="alice"):
        release.recover_main([], host.place)
    expire(host)
    assert release.recover_main([], host.place) == 0
    host.assert_at_rest("expired")
    assert host.serving() == OLD


def test_whoever_takes_over_undoes_what_was_not_committed(make: Make) -> None:
    whole = make("second")
    for host in whole.hosts:
        host.call("stage")
        host.call("start")
    other = {"fleet": OLDER, "owner": "bob (bob@desk)", "take_over": True}
    for host in whole.hosts:
        host.call("stage", **other)
        assert NEW not in host.effects.directories
    with pytest.raises(FailedError, match=r"release in progress: bob"):
        whole.hosts[0].call("switch")


def test_a_lock_is_renewed_by_every_verb_and_by_a_status_of_its_owner(make: Make) -> None:
    host = make("second").hosts[0]
    host.call("stage", expires_in=60)
    first = host.call("status")["lock"]
    expire(host)
    assert not host.call("status", owner="bob (bob@desk)")["lock"]["alive"]
    assert not host.call("status", fleet=None)["lock"]["alive"]
    renewed = host.call("status", expires_in=90)["lock"]
    assert renewed["alive"]
    assert renewed["owner"] == OWNER
    assert renewed["expires"] > first["expires"] + 25
    assert host.call("status")["state"]["done"] == "stage"


def test_a_lock_tells_since_when_the_whole_release_is_under_way(make: Make) -> None:
    host = make("second").hosts[0]
    host.call("stage")
    path = host.place.state / "lock" / "owner.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "started": time.time() - 300}))
    host.call("start")
    with pytest.raises(LockError, match=r"since 5 min \(step workers\)"):
        release.rollback_main([], host.place)


def test_a_verb_waits_for_one_whose_connection_was_lost_and_a_return_ends_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coordinator asks again when it is back; what it asked for first still runs."""
    whole = make("second")
    host = whole.hosts[0]
    host.call("stage")
    owner = json.loads((host.place.state / "lock" / "owner.json").read_text())
    runs = {**owner, "ticks": whole.process}
    (host.place.state / "lock" / "owner.json").write_text(json.dumps(runs))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        whole.process += 1

    monkeypatch.setattr("scripts.host.fleet.time.sleep", wait)
    host.call("start")
    assert len(waited) == 1
    fenced: list[str] = []
    monkeypatch.setattr(locks, "fence", lambda owner: fenced.append(owner.owner))
    (host.place.state / "lock" / "owner.json").write_text(json.dumps({**runs, "ticks": whole.process}))
    host.call("return")
    assert (len(waited), fenced) == (1, [OWNER])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fleet": "../x"}, "is not a release, such as"),
        ({"fleet": None}, "is not a release, such as"),
        ({"previous": "main"}, "is not a release, such as"),
        ({"expires_in": "soon"}, "no call of fleet stage"),
        ({"request": None}, "no call of fleet stage"),
        ({"request": {**REQUEST, "images": {"app": "registry.example.com/app:2.0"}}}, "does not end with a digest"),
        ({"request": {**REQUEST, "services": {"api": "other"}}}, "services.api: there is no image 'other'"),
        ({"request": {**REQUEST, "services": {}}}, "names no image for services.api"),
        ({"request": {"commit": "c" * 40, "revision": "1"}}, "names a commit, and this host runs images"),
    ],
)
def test_a_call_that_is_none_is_refused_before_anything_is_done(
    make: Make, change: dict[str, Any], reason: str
) -> None:
    whole = make("second")
    with pytest.raises(FailedError, match=reason):
        whole.hosts[0].call("stage", **change)
    assert whole.trouble.passed == []


def test_the_same_name_is_not_given_to_another_release(make: Make) -> None:
    host = make("second").hosts[0]
    host.call("stage")
    other = {**REQUEST, "images": {"app": "registry.example.com/app@sha256:" + "d" * 64}}
    with pytest.raises(FailedError, match="another release needs another name"):
        host.call("stage", request=other)


def test_a_verb_that_is_none_is_refused(make: Make) -> None:
    with pytest.raises(HostError, match=r"usage: slipway fleet stage\|migrate\|start"):
        make("second").hosts[0].call("deploy")


def hosts_schedulers(hosts: list[Host]) -> list[int]:
    """How many schedulers each host has."""
    return [sum(role == "scheduler" for _, role in host.effects.running) for host in hosts]


def test_the_scheduler_moves_with_the_leader(make: Make) -> None:
    """The first host was replaced: another leads now, and what led before keeps no scheduler."""
    whole = make("second", hosts=3)
    assert hosts_schedulers(whole.hosts) == [1, 0, 0]
    whole.hosts.reverse()
    for host in whole.hosts:
        host.leader = host is whole.hosts[0]
    for verb in VERBS[:3]:
        for host in whole.hosts:
            host.call(verb)
    for host in reversed(whole.hosts):  # so that the old one has gone before the new one comes
        host.call("switch")
    for verb in VERBS[4:]:
        for host in whole.hosts:
            host.call(verb)
    assert hosts_schedulers(whole.hosts) == [1, 0, 0]
