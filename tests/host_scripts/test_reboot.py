"""A host that waits for its reboot says so, to whoever looks at it or changes it; it is no failure."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from scripts.host import apply, reboot, release, status
from tests.host_scripts.fake_fleet import REQUEST, FakeFleet, Host
from tests.host_scripts.fake_host import FakeHost

SAID = (
    "needs a reboot: the upgrade of linux-image-6.12.57+deb13-amd64, libc6 counts only then; "
    "last asked for at 2026-11-20T04:12:09Z"
)


@pytest.fixture
def host(place: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which an old release serves."""
    return FakeFleet(place, "second", monkeypatch, hosts=1).hosts[0]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where packages say that they want a reboot, on a host that has no need yet."""
    path = tmp_path / "run" / "reboot-required"
    path.parent.mkdir()
    monkeypatch.setattr(reboot, "ASKED", str(path))
    return path


def _asked_for(file: Path, *packages: str) -> None:
    file.touch()
    os.utime(file, (1795147929, 1795147929))
    file.with_name(f"{file.name}.pkgs").write_text("".join(f"{name}\n" for name in packages))


def test_a_host_without_need_says_nothing(host: Host, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reboot.note() is None
    assert status.main([], host.place.etc, host.place.state) == 0
    assert "reboot" not in capsys.readouterr().out
    assert status.status(host.place.layout()[0])["reboot_asked"] is None


def test_status_says_so(host: Host, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _asked_for(file, "linux-image-6.12.57+deb13-amd64", "libc6", "libc6")
    assert status.main([], host.place.etc, host.place.state) == 0
    assert SAID in capsys.readouterr().out.splitlines()
    assert status.status(host.place.layout()[0])["reboot_asked"] == "2026-11-20T04:12:09Z"


def test_a_release_says_so_and_is_none_the_worse(
    host: Host, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _asked_for(file, "linux-image-6.12.57+deb13-amd64", "libc6")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**REQUEST, "owner": "alice"})))
    assert release.main([], host.place) == 0
    assert SAID in capsys.readouterr().out.splitlines()


def test_an_apply_says_so(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On every host: on those of a balancer and of data, too, where there is no release."""
    monkeypatch.setattr(reboot, "ASKED", "/run/reboot-required")
    monkeypatch.setattr(apply, "Host", lambda out: FakeHost(tmp_path))
    monkeypatch.setattr(apply, "apply", lambda host, text: None)
    for said in ("0 changed\n", f"0 changed\nthis host {SAID}\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        assert apply.main([]) == 0
        assert capsys.readouterr().out == said
        _asked_for(file, "linux-image-6.12.57+deb13-amd64", "libc6")


def test_of_many_packages_a_few_are_named_and_of_none_none(file: Path) -> None:
    _asked_for(file, *"abcde")
    assert "the upgrade of a, b, c and 2 more counts" in str(reboot.note())
    file.with_name(f"{file.name}.pkgs").unlink()
    assert "the upgrade counts only then; last asked for at 2026-11-20" in str(reboot.note())
