"""Which routes nginx has, and when it is told of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.host import nginx
from scripts.host.nginx import Nginx
from scripts.host.release_config import Layout
from scripts.host.run import HostError, Result, run
from scripts.host.slots import Slots


class Host:
    """A product with two releases in two slots, and what was run for it; nginx itself is asked, systemd is not."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout(root, root / "state", root / "etc")
        self.layout.state.mkdir()
        self.slots = Slots(self.layout)
        for slot in ("blue", "green"):
            self.layout.release(slot).mkdir(parents=True)
            self.slots.assign(slot, slot)
        self.config = root / "nginx.conf"
        serving = f"include {self.layout.serving}/site[.]conf;"
        self.config.write_text(
            f"pid {root}/nginx.pid; error_log {root}/error.log; events {{}} http {{ access_log off; {serving} }}"
        )
        self.nginx = Nginx(self.layout, self.config)
        self.ran: list[str] = []
        monkeypatch.setattr(nginx, "run", self._run)

    def _run(self, argv: Sequence[str], timeout: float) -> Result:
        self.ran.append(" ".join(argv[:2]))
        if argv[0] == "systemctl":
            return Result(0, "", "")
        return run([*argv, *([] if "-c" in argv else ["-c", str(self.config)])], timeout=timeout)

    def site(self, slot: str, text: str) -> Path:
        """The routes of the release in `slot`."""
        path = self.layout.slot(slot) / "site.conf"
        path.write_text(text)
        return path

    def switch(self, slot: str) -> list[str]:
        """What is run for nginx when `slot` comes to serve."""
        self.ran.clear()
        self.nginx.expect(self.layout.slot(slot))
        self.slots.switch(slot)
        self.nginx.follow()
        return self.ran


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which nothing serves yet."""
    return Host(tmp_path, monkeypatch)


RELOAD = ["nginx -t", "systemctl try-reload-or-restart"]


def test_nginx_is_tested_and_reloaded_for_other_routes_and_for_no_others(host: Host) -> None:
    """FF8."""
    host.site("blue", "server { listen 127.0.0.1:1; }")
    host.site("green", "server { listen 127.0.0.1:1; }")
    assert host.switch("blue") == RELOAD
    assert host.switch("green") == []
    host.site("blue", "server { listen 127.0.0.1:2; }")
    assert host.switch("blue") == RELOAD
    assert host.switch("blue") == []


def test_nginx_learns_that_nothing_serves_any_more(host: Host) -> None:
    host.site("blue", "")
    host.switch("blue")
    host.ran.clear()
    host.nginx.expect(None)
    host.slots.withdraw()
    host.nginx.follow()
    assert host.ran == RELOAD


def test_routes_that_nginx_refuses_are_not_loaded_and_said(host: Host) -> None:
    host.site("blue", "server { listen nowhere and more; }")
    with pytest.raises(HostError, match=r"nginx does not take its configuration: .*\[emerg\]"):
        host.switch("blue")
    assert host.ran == RELOAD[:1]


def test_a_reload_that_a_crash_came_before_is_made_up_for(host: Host) -> None:
    """The links are right already then, so that nothing of them tells."""
    host.site("blue", "")
    host.nginx.expect(host.layout.slot("blue"))
    host.slots.switch("blue")
    assert host.switch("blue") == RELOAD


def test_at_boot_nothing_is_asked_of_an_nginx_that_does_not_run_yet(host: Host) -> None:
    host.site("blue", "")
    host.nginx.expect(host.layout.slot("blue"))
    host.slots.switch("blue")
    host.nginx.follow(runs=False)
    host.nginx.follow()
    assert host.ran == []


def test_routes_are_checked_before_anything_of_a_release_is_made(host: Host) -> None:
    """The check changes nothing, and nginx's own configuration still leads to what serves."""
    before = host.config.read_text()
    host.nginx.check(host.site("blue", "server { listen 127.0.0.1:1; }"))
    with pytest.raises(HostError, match=r"\[emerg\] .*no_such_directive"):
        host.nginx.check(host.site("blue", "no_such_directive;"))
    assert host.config.read_text() == before
    assert list(host.layout.state.iterdir()) == []


def test_what_can_not_be_checked_is_said(host: Host) -> None:
    with pytest.raises(HostError, match="before releases had routes"):
        host.nginx.check(host.layout.slot("blue") / "site.conf")
    host.config.write_text("events {}")
    with pytest.raises(HostError, match="does not include a release's routes"):
        host.nginx.check(host.site("blue", ""))
