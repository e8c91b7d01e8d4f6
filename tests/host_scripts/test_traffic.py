"""What visitors met, by nginx's own log; and who is still connected to a host that leaves."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from scripts.host import drain, traffic
from scripts.host.release_config import Layout
from scripts.host.run import HostError, Result
from scripts.host.session import Place
from scripts.host.traffic import Traffic, measured, since_switch
from tests.host_scripts.test_compose_config import WHOLE


def line(status: int, seconds: float, ago: float) -> str:
    """A line of the log as hostfiles/nginx.py has nginx write it."""
    ended = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - ago))
    return json.dumps({"time": ended, "status": str(status), "seconds": f"{seconds:.3f}"}) + "\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A product whose release serves for a minute."""
    layout = Layout(tmp_path, tmp_path, tmp_path)
    layout.current.symlink_to("slots/blue")
    minute = time.time() - 60
    os.utime(layout.current, (minute, minute), follow_symlinks=False)
    return layout


def test_requests_since_the_switch_are_measured(layout: Layout, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    old, cut_off = line(500, 9, ago=90), '{"time": "20'
    recent = [line(200, number / 100, ago=30) for number in range(1, 100)]
    log.write_text(old + "nonsense\n[1]\n" + "".join(recent) + line(502, 1.5, ago=10) + line(101, 900, ago=5) + cut_off)
    found = since_switch(layout, log)
    assert found == Traffic(100, 0.01, 0.95)
    assert set(found.as_dict()) == {"requests", "error_rate", "p95_seconds"}


def test_no_request_is_no_mistake(layout: Layout, tmp_path: Path) -> None:
    assert since_switch(layout, tmp_path / "none.log") == Traffic(0, 0.0, 0.0)
    assert measured([(200, 0.2)]) == Traffic(1, 0.0, 0.2)


def test_of_a_long_log_the_end_is_read(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "access.log"
    log.write_text("".join(line(200, 0.1, ago=10) for _ in range(100)))
    monkeypatch.setattr(traffic, "MOST", len(line(200, 0.1, ago=10)) * 10 + 5)
    assert since_switch(layout, log).requests == 10


ESTABLISHED = """\
0      0            10.100.0.5:443       10.100.0.2:51234
0      0            127.0.0.1:443      127.0.0.1:40000
0      0     [::ffff:10.100.0.5]:443  [::ffff:10.100.0.2]:51300
0      0                [::1]:443          [::1]:40002
"""


class Leaving:
    """A fleet's host from which visitors go one by one."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = Place(root, root)
        (root / "release.json").write_text(json.dumps({**WHOLE, "root": str(root)}))
        self.now = 0.0
        self.left_at = 30.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self._sleep)
        monkeypatch.setattr(drain, "run", self._run)
        self.asked: list[str] = []

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _run(self, argv: list[str], **options: object) -> Result:
        self.asked = argv
        return Result(0, ESTABLISHED if self.now < self.left_at else "", "")


@pytest.fixture
def leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leaving:
    return Leaving(tmp_path, monkeypatch)


def test_a_host_that_drains_waits_for_its_visitors(
    leaving: Leaving, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The balancer has to notice first, and what is on this machine itself is no visitor."""
    assert drain.visitors(80) == ["10.100.0.2:51234", "[::ffff:10.100.0.2]:51300"]
    assert leaving.asked[-1] == "( sport = :80 )"
    assert drain.main([], leaving.place) == 0
    assert leaving.now == 30.0
    assert "nobody is connected after 30 s" in capsys.readouterr().out
    assert (tmp_path / "drained").exists()


@pytest.mark.parametrize(("left_at", "waited"), [(0.0, 22.0), (1000.0, 40.0)])
def test_it_waits_for_the_balancer_and_not_for_ever(
    leaving: Leaving, left_at: float, waited: float, capsys: pytest.CaptureFixture[str]
) -> None:
    leaving.left_at = left_at
    assert drain.main([], leaving.place) == 0
    assert leaving.now == waited
    assert ("2 connections are left" in capsys.readouterr().out) == (left_at > 100)


def test_a_host_comes_back(leaving: Leaving, tmp_path: Path) -> None:
    (tmp_path / "drained").touch()
    assert drain.undrain([], leaving.place) == 0
    assert not (tmp_path / "drained").exists()
    assert drain.undrain([], leaving.place) == 0


def test_a_host_of_another_kind_has_no_balancer_to_leave(tmp_path: Path) -> None:
    services = [{"name": "api", "role": "worker", "runtime": "python", "command": "x"}]
    source = {**WHOLE, "kind": None, "user": "tiny", "repository": "r", "services": services}
    (tmp_path / "release.json").write_text(json.dumps(source))
    with pytest.raises(HostError, match="not behind a balancer"):
        drain.main([], Place(tmp_path, tmp_path))
