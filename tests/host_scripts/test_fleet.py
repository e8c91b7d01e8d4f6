"""A release of all hosts of a fleet: whatever is killed or fails, and wherever, all hosts serve the same one after."""

from __future__ import annotations

from contextlib import suppress

import pytest

from scripts.host.ledger import Ledger
from tests.host_scripts.fake_effects import CrashError
from tests.host_scripts.fake_fleet import REQUEST, VERBS, FailedError, FakeFleet, Host, Make
from tests.host_scripts.fake_releases import NEW, OLD


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
