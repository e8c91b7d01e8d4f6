"""`slipway read-only on|off`: what it writes down, what it waits for, and who says that it is on (DV10)."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from hostfiles import nginx_proxy
from scripts.host import apply, read_only, read_only_command, release, status
from scripts.host.release_config import Layout, parse
from scripts.host.run import HostError
from tests.host_scripts.fake_fleet import REQUEST, FailedError, FakeFleet, Host
from tests.host_scripts.fake_host import FakeHost

ROUTES = f"if (-f $refused_while) {{ rewrite ^ /x; }} {read_only.LOOKED_FOR}"


class Connections:
    """What `ss` says, one list of lines at a time and then the last one again; the time that goes by meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *listings: str) -> None:
        self.listings, self.slept = list(listings or ("",)), 0.0
        self.asked: list[list[str]] = []
        monkeypatch.setattr(read_only_command, "run", self._run)
        monkeypatch.setattr("scripts.host.read_only_command.time.sleep", self._sleep)
        monkeypatch.setattr("scripts.host.read_only_command.time.monotonic", lambda: self.slept)

    def _run(self, argv: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        self.asked.append(argv)
        listing = self.listings.pop(0) if len(self.listings) > 1 else self.listings[0]
        return subprocess.CompletedProcess(argv, 0, listing, "")

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds


def to(port: int, *numbers: int) -> str:
    """Connections from these ports to one of the product's, beside one to something else and one back."""
    ours = [f"0 0 127.0.0.1:{number} 127.0.0.1:{port}" for number in numbers]
    return "\n".join([*ours, "0 0 127.0.0.1:50000 127.0.0.1:5432", f"0 0 127.0.0.1:{port} 127.0.0.1:50001"])


@pytest.fixture
def host(place: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host of a fleet on which a release serves whose routes know the switch."""
    made = FakeFleet(place, "second", monkeypatch, hosts=1).hosts[0]
    routes(made, ROUTES)
    return made


def routes(host: Host, text: str) -> None:
    serving = host.directory / "root" / "slots" / "serving"
    serving.mkdir(parents=True, exist_ok=True)
    (serving / "site.conf").write_text(text)


def test_all_look_for_the_same_file() -> None:
    layout = Layout(Path("/opt/x"))
    assert {str(layout.read_only), read_only.LOOKED_FOR, apply.READ_ONLY} == {nginx_proxy.READ_ONLY}


def test_it_is_on_until_it_is_off(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Connections(monkeypatch)
    layout = host.place.layout()[0]
    assert read_only_command.main([], host.place) == 0
    assert capsys.readouterr().out == "not read-only: requests that may change something are served\n"
    assert read_only_command.main(["on"], host.place) == 0
    began = read_only.since(layout)
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"read-only since {began}: what may change something")
    assert layout.read_only.stat().st_mode & 0o777 == 0o644, "nginx reads it as another user"
    layout.read_only.write_text("2026-01-01T00:00:00Z\n")
    assert read_only_command.main(["on"], host.place) == 0
    assert read_only.since(layout) == "2026-01-01T00:00:00Z", "it has been on since then"
    for _ in range(2):
        assert read_only_command.main(["off"], host.place) == 0
        assert not layout.read_only.exists()


def test_it_waits_for_what_had_begun_and_for_nothing_that_comes(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer that somebody gets later would not be in the dump that is taken now."""
    seen = [to(20000, 41, 42), to(20000, 42, 43) + "\n" + to(30000, 44), to(20000, 43, 45)]
    connections = Connections(monkeypatch, *seen)
    assert read_only_command.main(["on"], host.place) == 0
    assert "every request from before has been answered after 1.4 s" in capsys.readouterr().out
    assert len(connections.asked) == 3
    assert connections.asked[0][-3:] == ["--numeric", "state", "established"]


def test_streams_are_not_waited_for_for_ever(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connections = Connections(monkeypatch, to(20000, 41, 42, 43), to(20000, 41, 43))
    assert read_only_command.main(["on"], host.place) == 0
    assert "2 requests from before go on after 15 s" in capsys.readouterr().out
    assert connections.slept == pytest.approx(read_only_command.LONGEST, abs=0.3)


def test_services_on_sockets_are_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """PM2's own sockets stay open, and are nobody's request."""
    config = {"product": "tiny", "root": "/srv/tiny", "domain": "x", "services": [], "user": "tiny", "repository": "x"}
    layout = Layout(Path("/srv/tiny"))
    listed = [
        "u_str 0 0 /srv/tiny/releases/20261121T100000-22222222/run/api.sock 41 * 42",
        "u_str 0 0 * 42 * 41",
        "u_str 0 0 /srv/tiny/.pm2/rpc.sock 43 * 44",
        "u_str 0 0 /run/docker.sock 45 * 46",
    ]
    Connections(monkeypatch, "\n".join(listed))
    assert read_only_command.asked(layout, parse(json.dumps(config))) == {"41"}


def test_routes_of_an_older_release_are_not_switched_in_vain(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    Connections(monkeypatch)
    routes(host, "server { }")
    with pytest.raises(HostError, match="routes from before this switch: release once more"):
        read_only_command.main(["on"], host.place)
    assert not host.place.layout()[0].read_only.exists()


@pytest.mark.parametrize("arguments", [["maybe"], ["on", "off"], ["ON"]])
def test_anything_else_is_refused(host: Host, arguments: list[str]) -> None:
    with pytest.raises(HostError, match=r"usage: slipway read-only \[on \| off\]"):
        read_only_command.main(arguments, host.place)


def test_status_says_so(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    layout = host.place.layout()[0]
    assert status.status(layout)["read_only"] is None
    layout.read_only.write_text("2026-01-01T00:00:00Z\n")
    assert status.main([], host.place.etc, host.place.state) == 0
    assert "read-only since 2026-01-01T00:00:00Z: what may change something is refused" in capsys.readouterr().out
    assert status.status(layout)["read_only"] == "2026-01-01T00:00:00Z"


def test_what_is_answered_after_it_was_switched_on_is_told(host: Host, tmp_path: Path) -> None:
    """An upload whose body was on the way: the dump may have been before it."""
    layout, log = host.place.layout()[0], tmp_path / "access.log"

    def logged(method: str, status: int, second: int) -> str:
        time = f"2026-01-01T00:00:{second:02}+00:00"
        return json.dumps({"time": time, "status": str(status), "seconds": "0.1", "method": method}) + "\n"

    before, refused = logged("POST", 200, 10), logged("POST", 503, 20)
    log.write_text(before + refused + logged("GET", 200, 21))
    assert read_only.late(layout, log) is None, "it is off"
    layout.read_only.write_text("2026-01-01T00:00:10Z\n")
    switched = datetime.fromisoformat("2026-01-01T00:00:10.4+00:00").timestamp()
    os.utime(layout.read_only, (switched, switched))
    assert read_only.late(layout, log) is None
    log.write_text(before + logged("POST", 200, 11) + refused + logged("PUT", 201, 13) + logged("DELETE", 404, 17))
    assert read_only.late(layout, log) == (
        "written to since: 2 requests that had begun before, the last was answered at 2026-01-01T00:00:17Z"
    )


def test_a_release_leaves_it_on_and_says_so(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = host.place.layout()[0]
    layout.read_only.write_text("2026-01-01T00:00:00Z\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**REQUEST, "owner": "alice"})))
    assert release.main([], host.place) == 0
    released, noted = capsys.readouterr().out.splitlines()[-2:]
    assert released.startswith("released ")
    assert noted.startswith("read-only since 2026-01-01T00:00:00Z: what may change something is refused until")
    assert release.rollback_main([], host.place) == 0
    assert capsys.readouterr().out.splitlines()[-1] == noted
    assert layout.read_only.exists()


def test_a_return_to_routes_that_do_not_know_it_says_that_it_is_undone(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host.place.layout()[0].read_only.write_text("2026-01-01T00:00:00Z\n")
    routes(host, "server { }")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**REQUEST, "owner": "alice"})))
    assert release.main([], host.place) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert (
        said == "asked to be read-only since 2026-01-01T00:00:00Z, but what serves does not know how: it is written to"
    )


def test_a_fleet_s_host_is_switched_while_a_release_is_under_way(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    Connections(monkeypatch)
    host.call("stage")
    answer = host.call("read-only", fleet=None, owner="bob (bob@desk)", on=True)
    assert answer["note"].startswith("read-only since ")
    assert host.call("status", fleet=None)["read_only"] == read_only.since(host.place.layout()[0])
    for verb in ("migrate", "start", "switch", "commit", "finish"):
        host.call(verb)
    assert host.call("read-only", fleet=None, on=False)["note"] is None
    assert host.call("status", fleet=None)["read_only"] is None
    with pytest.raises(FailedError, match="no call of fleet read-only"):
        host.call("read-only", fleet=None)


def test_an_apply_leaves_it_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apply, "Host", lambda out: FakeHost(tmp_path))
    monkeypatch.setattr(apply, "apply", lambda host, text: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert apply.main([]) == 0
    assert capsys.readouterr().out == "0 changed\n"
    (tmp_path / "etc/slipway").mkdir(parents=True)
    (tmp_path / "etc/slipway/read-only").touch()
    assert apply.main([]) == 0
    assert "this host is read-only, and stays so until `slipway read-only off`" in capsys.readouterr().out
