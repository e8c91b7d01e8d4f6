"""Actions after files: each once, none lost, none for a unit that has just started."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host.actions import PENDING, Pending
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost


def ran(host: FakeHost) -> list[str]:
    return [" ".join(argv) for argv in host.ran if "reset-failed" not in argv]


def test_each_action_is_done_once_and_forgotten(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    pending = Pending(host)
    pending.add(["reload nginx.service", "daemon-reload", "reload nginx.service", "sysctl", "tmpfiles"])
    assert host.mode(PENDING) == 0o600
    pending.before_units()
    pending.perform()
    assert ran(host) == [
        "systemctl daemon-reload",
        "systemctl restart systemd-sysctl.service",
        "systemd-tmpfiles --create",
        "systemctl try-reload-or-restart nginx.service",
    ]
    assert not Path(host.at(PENDING)).exists()


def test_actions_of_a_run_that_was_killed_are_done_by_the_next(tmp_path: Path) -> None:
    Pending(FakeHost(tmp_path)).add(["restart redis-server.service"])
    host = FakeHost(tmp_path)
    Pending(host).perform()
    assert ran(host) == ["systemctl try-restart redis-server.service"]


def test_a_restart_includes_the_reload(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    pending = Pending(host)
    pending.add(["reload a.service", "restart a.service"])
    pending.perform()
    assert ran(host) == ["systemctl try-restart a.service"]
    assert pending.actions == []


def test_a_unit_that_has_just_started_has_read_its_files(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    pending = Pending(host)
    pending.add(["restart a.service", "reload b.service"])
    host.started.add("a.service")
    pending.perform()
    assert ran(host) == ["systemctl try-reload-or-restart b.service"]


def test_an_action_that_fails_stays_and_says_the_unit_s_last_words(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, lambda argv: "its last words\n" if argv[0] == "journalctl" else 1)
    pending = Pending(host)
    pending.add(["restart a.service"])
    with pytest.raises(HostError) as caught:
        pending.perform()
    assert caught.value.reason == "a.service could not restart: journalctl -u a.service says why"
    assert caught.value.tail == ("its last words",)
    assert Pending(host).actions == ["restart a.service"]


def test_a_list_that_cannot_be_read_is_said_not_dropped(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.put(PENDING, "{")
    with pytest.raises(HostError, match="cannot be read"):
        Pending(host)


def test_a_unit_that_was_restarted_often_is_restarted_once_more(tmp_path: Path) -> None:
    """systemd refuses the sixth start in ten seconds and leaves the unit stopped, unless its count is reset."""
    host = FakeHost(tmp_path)
    pending = Pending(host)
    pending.add(["restart a.service"])
    pending.perform()
    assert host.ran == [["systemctl", "reset-failed", "a.service"], ["systemctl", "try-restart", "a.service"]]
