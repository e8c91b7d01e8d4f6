"""The verbs of a fleet's release on one host: their order, repetitions and refusals, and the lock between them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from scripts.host import lock as locks
from scripts.host import release
from scripts.host.lock import LockError
from scripts.host.run import HostError
from tests.host_scripts.fake_fleet import OWNER, REQUEST, VERBS, FailedError, Host, Make, expire
from tests.host_scripts.fake_releases import NEW, OLD, OLDER


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
