"""A change that puts itself back unless it is confirmed, interrupted where it may be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.host.deadman import DeadMan
from tests.host_scripts.fake_host import FakeHost

KEPT, NEW = "/etc/thing/kept", "/etc/thing/new"
TIMER = "slipway-thing-revert.timer"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    made = FakeHost(tmp_path)
    made.put(KEPT, "before")
    return made


def _armed(host: FakeHost) -> DeadMan:
    """A change of one file that was there, and of one that was not."""
    guard = DeadMan(host, "thing", "things", (KEPT, NEW), 120)
    guard.arm()
    host.put(KEPT, "after")
    host.put(NEW, "after")
    return guard


def test_what_nobody_confirms_is_as_it_was(host: FakeHost) -> None:
    guard, followed = _armed(host), list[str]()
    assert guard.revert(lambda: followed.append(host.text(KEPT)))
    assert followed == ["before"]
    assert not Path(host.at(NEW)).exists()
    assert not guard.armed()
    assert not guard.revert(lambda: followed.append("again"))
    assert followed == ["before"]


def test_what_is_confirmed_stays_also_if_the_power_goes_in_the_middle(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kept copy that has gone already is not taken for a file that was not there."""
    guard = _armed(host)
    removing = shutil.rmtree

    def interrupted(path: str, ignore_errors: bool = False) -> None:
        kept = Path(path + KEPT)
        if kept.exists():
            kept.unlink()
            raise KeyboardInterrupt
        removing(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        guard.disarm()
    monkeypatch.undo()
    assert not guard.revert(lambda: None)
    assert (host.text(KEPT), host.text(NEW)) == ("after", "after")
    guard.disarm()
    assert not list(Path(host.at("/var/lib/slipway")).glob("thing-before*"))


def test_nothing_is_put_back_while_somebody_changes_the_host(host: FakeHost) -> None:
    """It may be a confirmation; the time begins anew."""
    guard = _armed(host)
    with host.lock():
        host.ran.clear()
        assert not guard.revert(lambda: None)
    assert host.ran == [["systemctl", "restart", TIMER]]
    assert host.text(KEPT) == "after"
    assert guard.revert(lambda: None)
    assert host.text(KEPT) == "before"
