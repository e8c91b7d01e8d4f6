"""An nginx that runs for months: its libraries are upgraded under it, and its logs grow."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostfiles import nginx_upkeep
from settings.stack import Settings
from tests.hostfiles.conftest import Run
from tests.hostfiles.site import NAME, Site, certificate, write
from tests.hostfiles.stacks import manifest, stack
from tests.ports import free_port


@pytest.fixture
def site(familyflow: Settings) -> Iterator[Site]:
    """FamilyFlow's nginx as its unit starts it: a daemon, whichever process it is in the end."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as directory:
        site = Site(Path(directory), free_port(), free_port())
        certificate(site.root / "tls" / NAME, NAME)
        config = write(familyflow, familyflow.architecture, site.root, site.plain_port, site.tls_port)
        (site.root / "acme").mkdir()
        pages = site.release("blue", "one") / "src/frontend/dist"
        pages.mkdir(parents=True)
        (pages / "index.html").write_text("<html>")
        site.point("current", "blue")
        subprocess.run(["/usr/sbin/nginx", "-c", str(config)], check=True, timeout=60)
        pid = site.root / "nginx.pid"
        try:
            _until(lambda: pid.exists() and pid.read_text())
            yield site
        finally:
            last = int(pid.read_text())
            os.kill(last, signal.SIGTERM)
            _until(lambda: _gone(last))


def _until(reached: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.02)


def _gone(process: int) -> bool:
    """Whether it has ended. One that nobody has waited for is a zombie."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return True


def _upgrade(site: Site, tries: int = 100) -> subprocess.CompletedProcess[str]:
    """What needrestart runs, for the nginx of a test; a restart is only said."""
    text = nginx_upkeep.upgraded().replace(nginx_upkeep.PID, f"{site.root}/nginx.pid")
    text = text.replace("/usr/sbin/nginx", f"/usr/sbin/nginx -c {site.root}/nginx.conf")
    script = site.root / "upgraded"
    script.write_text(text.replace("exec systemctl", "exec echo").replace("seq 100", f"seq {tries}"))
    return subprocess.run(["sh", script], capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def _visitors(site: Site) -> Iterator[list[int]]:
    """Two who ask without a pause, each time on a new connection: what they are answered; 0 if nobody does."""
    answers: list[int] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            try:
                answers.append(site.get("/").status)
            except OSError:
                answers.append(0)

    threads = [threading.Thread(target=visit) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_an_upgraded_library_is_taken_without_refusing_anybody(site: Site) -> None:
    old = int((site.root / "nginx.pid").read_text())
    with _visitors(site) as answers:
        done = _upgrade(site)
        assert (done.returncode, done.stdout) == (0, "")
        _until(lambda: _gone(old))
        time.sleep(0.5)
    assert len(answers) > 20
    assert set(answers) == {200}
    assert int((site.root / "nginx.pid").read_text()) != old
    assert not (site.root / "nginx.pid.oldbin").exists()


def test_two_upgrades_in_a_row_cut_nobody_off(site: Site) -> None:
    """The second waits for the last answers of the first: until then nginx would not begin anew."""
    pid = site.root / "nginx.pid"
    with site.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert _upgrade(site).returncode == 0
        first = pid.read_text()
        again = threading.Thread(target=_upgrade, args=(site,))
        again.start()
        time.sleep(1)
        assert (pid.read_text(), again.is_alive()) == (first, True)
        connection.sendall(f"Host: {NAME}\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    again.join()
    assert pid.read_text() != first
    assert site.get("/").status == 200


def test_an_nginx_that_could_not_start_again_runs_on(site: Site) -> None:
    old = (site.root / "nginx.pid").read_text()
    with (site.root / "nginx.conf").open("a") as config:
        config.write("broken")
    assert _upgrade(site).returncode == 1
    assert (site.get("/").status, (site.root / "nginx.pid").read_text()) == (200, old)


def test_where_no_new_process_comes_nginx_is_restarted(site: Site) -> None:
    """Nobody is told where the pid file is missing; and a process that is no nginx's master makes no other."""
    pid = site.root / "nginx.pid"
    own, restarted = pid.read_text(), "restart nginx.service\n"
    pid.unlink()
    assert _upgrade(site).stdout == restarted
    with subprocess.Popen(["sh", "-c", "trap '' USR2; exec sleep 60"]) as deaf:
        pid.write_text(str(deaf.pid))
        try:
            assert _upgrade(site, tries=3).stdout == restarted
        finally:
            deaf.kill()
            pid.write_text(own)


def test_needrestart_finds_it() -> None:
    [file] = [file for file in manifest(stack()).files if file.path == "/etc/needrestart/restart.d/nginx.service"]
    assert (file.mode, file.owner) == ("0755", "root")


def test_a_log_that_has_grown_ends_within_the_hour_and_nginx_writes_the_next(site: Site, run: Run) -> None:
    rule, state = site.root / "rule", site.root / "state"
    text = nginx_upkeep.rotated_logs().replace("/var/log/nginx", str(site.root))
    text = text.replace(nginx_upkeep.PID, f"{site.root}/nginx.pid").replace("200M", "2k")
    rule.write_text(text.replace("create 0640 www-data adm", "create 0640 root root"))
    rule.chmod(0o644)

    def rotated() -> bool:
        done = run("logrotate", "--state", str(state), str(rule))
        assert (done.returncode, done.stderr) == (0, "")
        return (site.root / "access.log.1").exists()

    site.get("/")
    assert not rotated()  # as often as it is looked at, before the day is over
    for _ in range(20):
        site.get("/")
    site.log()
    assert rotated()
    _until(lambda: site.get("/").status == 200 and (site.root / "access.log").stat().st_size > 0)
