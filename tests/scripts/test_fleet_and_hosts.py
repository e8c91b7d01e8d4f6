"""The coordinator with the hosts' own program, of which only what touches a machine is in memory: they fit."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from scripts.fleet.alarm import Alarm
from scripts.fleet.calls import Calls
from scripts.fleet.coordinator import Coordinator
from scripts.fleet.order import SHORTEST_SECONDS, Host, Order
from scripts.fleet.progress import Progress
from scripts.fleet.protocol import FleetError, LockedError, LostError, Said, failure_of, is_answer
from scripts.host import fleet, lock
from scripts.host.lock import Lock
from tests.host_scripts import conftest
from tests.host_scripts.fake_effects import CrashError
from tests.host_scripts.fake_fleet import REQUEST, FakeFleet, expire
from tests.host_scripts.fake_releases import OLD
from tests.scripts.fake_fleet import KilledError
from tests.scripts.virtual_time import run

place = conftest.place
Make = Callable[..., "Together"]
CHECKED = ("digests", "login", "environment", "debug", "disk")


class Together:
    """Hosts as the coordinator sees them. Between any two of their points they may lose their power, and boot."""

    def __init__(self, whole: FakeFleet) -> None:
        self.whole = whole
        self.names = [f"web-{number}" for number in range(1, len(whole.hosts) + 1)]
        self.asked: list[str] = []
        self.kill_at: int | None = None
        self.out = io.StringIO()
        for host in whole.hosts:
            host.effects.looked_at = CHECKED

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        await asyncio.sleep(0.01)
        if self.kill_at is not None and len(self.asked) >= self.kill_at:
            raise KilledError
        self.asked.append(f"{host} {verb}")
        machine = self.whole.hosts[self.names.index(host)]
        self.whole.current = machine
        written = io.StringIO()
        try:
            with redirect_stdout(written):
                code = fleet.main([verb], machine.place, io.StringIO(json.dumps(message)))
        except CrashError:
            self.whole.process += 1
            self.whole.trouble.kind = "none"
            machine.lose_power()
            raise LostError("no answer", host) from None
        self.whole.process += 1
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
        for line in lines:
            if not is_answer(line):
                said(line)
        if code:
            raise failure_of(host, verb, lines[-1], [])
        links = {"live": machine.serving()} if verb == "status" else {}  # there are none on the disk
        return {**lines[-1], **links}

    def coordinator(self, owner: str = "alice", take_over: bool = False) -> Coordinator:
        hosts = tuple(Host(name, "192.0.2.1", "") for name in self.names)
        order = Order(hosts, owner, "", REQUEST, SHORTEST_SECONDS, take_over)
        return Coordinator(Calls(self, order, Progress(self.out, self.out), Alarm()))

    def run(self, command: str, **options: Any) -> bool | None:
        """Whether it went well; None if it was killed."""
        try:
            return bool(run(getattr(self.coordinator(**options), command)()))
        except FleetError as error:
            print(error.describe(), file=self.out)
            return False
        except KilledError:
            return None

    def assert_one_release(self, where: str) -> str | None:
        """All hosts are at rest and serve the same; which."""
        for number, host in enumerate(self.whole.hosts):
            host.assert_at_rest(f"{where}, host {number}: {self.out.getvalue()}")
        serving = {host.serving() for host in self.whole.hosts}
        assert len(serving) == 1, f"{where}: {self.out.getvalue()}"
        return serving.pop()


@pytest.fixture
def make(place: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Fleets, one after another."""
    made: list[FakeFleet] = []

    def one(scenario: str = "second", hosts: int = 2) -> Together:
        made.append(FakeFleet(place / str(len(made)), scenario, monkeypatch, hosts))
        return Together(made[-1])

    return one


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("scenario", ["first", "second"])
def test_a_release_serves_everywhere_and_serves_already_after(make: Make, scenario: str, hosts: int) -> None:
    together = make(scenario, hosts)
    assert together.run("release"), together.out.getvalue()
    assert together.assert_one_release("released") not in (None, OLD)
    asked = len(together.asked)
    assert together.run("release")
    assert "already serving on every host" in together.out.getvalue()
    assert {word.split()[1] for word in together.asked[asked:]} == {"status"}


@pytest.mark.parametrize("kind", ["fail", "crash"])
@pytest.mark.parametrize(("scenario", "stride"), [("second", 2), ("first", 5)])
def test_a_host_that_fails_or_boots_anywhere_leaves_one_release(
    make: Make, scenario: str, stride: int, kind: str
) -> None:
    before = None if scenario == "first" else OLD
    clean = make(scenario)
    assert clean.run("release")
    for number, name in list(enumerate(clean.whole.trouble.passed))[::stride]:
        together = make(scenario)
        together.whole.trouble.kind, together.whole.trouble.at = kind, number
        done = together.run("release")
        serving = together.assert_one_release(name)
        assert done == (serving != before), f"{name}: {together.out.getvalue()}"


def test_a_coordinator_that_is_killed_anywhere_is_recovered_from(make: Make) -> None:
    clean = make()
    assert clean.run("release")
    commit = clean.asked.index("web-1 commit")
    for number, name in enumerate(clean.asked):
        together = make()
        together.kill_at = number
        assert together.run("release") is None
        together.kill_at = None
        for host in together.whole.hosts:
            if Lock(host.place.state).holder() is not None:
                expire(host)
        assert together.run("recover", owner="bob"), f"{name}: {together.out.getvalue()}"
        assert (together.assert_one_release(name) == OLD) == (number <= commit), name


def test_a_rollback_returns_every_host_and_a_second_one_goes_forth_again(make: Make) -> None:
    together = make(hosts=3)
    assert together.run("release")
    new = together.assert_one_release("released")
    assert together.run("rollback"), together.out.getvalue()
    assert together.assert_one_release("rolled back") == OLD
    assert together.run("rollback"), together.out.getvalue()
    assert together.assert_one_release("rolled back again") == new


@pytest.mark.parametrize("take_over", [False, True])
def test_another_s_lock_is_respected_until_its_time_is_over_or_it_is_taken_on_purpose(
    make: Make, monkeypatch: pytest.MonkeyPatch, take_over: bool
) -> None:
    clean = make()
    assert clean.run("release")
    together = make()
    together.kill_at = clean.asked.index("web-2 start")
    assert together.run("release") is None
    together.kill_at = None
    monkeypatch.setattr(lock, "fence", lambda owner: None)  # there is no process to end
    message = {"fleet": OLD, "owner": "bob", "previous": None, "request": REQUEST}
    with pytest.raises(LockedError, match="release in progress: alice"):
        run(together.call("web-1", "stage", message, lambda line: None))
    assert together.run("release", owner="bob", take_over=take_over), together.out.getvalue()
    assert together.assert_one_release("taken over") != OLD
    assert ("waiting" in together.out.getvalue()) is not take_over


def test_a_new_host_gets_what_the_others_serve(make: Make) -> None:
    """VU10: by what they say of it, which is its images and which service runs which."""
    together = make("first", hosts=3)
    *together.names, new = together.names
    assert together.run("release")
    together.names.append(new)
    assert together.run("recover"), together.out.getvalue()
    assert together.assert_one_release("joined") is not None
    assert together.whole.hosts[2].effects.migrated == []
