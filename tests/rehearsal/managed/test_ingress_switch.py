"""The way into an app, run by HAProxy itself: requests move to new instances, and none is lost on the way."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal.checks.check import eventually
from rehearsal.managed import authority, ingress
from rehearsal.model import AppPart, AppSpec, AppWay, Probe
from rehearsal.visitor import Visitor
from tests.ports import free_port

DOMAIN = "app.example.com"
REQUESTS, SLOW = 1500, 3
INSTANCE = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.partition("=")[2]))
        said = {"release": sys.argv[2], "proto": self.headers.get("X-Forwarded-Proto"), "path": self.path}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words):
        pass

ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((sys.argv[1], 8000), Handler).serve_forever()
"""
TARGETS = [{"method": "GET", "path": "/release", "marks": "release"}, {"method": "POST", "path": "/", "body": "{}"}]
PROBE = Probe("/health", 8000, period=1, timeout=1)
PART = AppPart("web", "service", "image", 1, 1024, port=8000, probe=PROBE)
SPEC = AppSpec("app", (DOMAIN,), (AppWay("/", "web"),), (PART,))


class WayIn:
    """HAProxy with the configuration of an app, on ports that are free here."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.port, self.plain = directory, free_port(), free_port()
        signer = authority.new_authority("test")
        self.authority = directory / "authority.pem"
        self.authority.write_text(signer.chain)
        made = authority.issue(signer, [DOMAIN])
        (directory / "names.pem").write_text(f"{made.chain}{made.key}")
        self.visitor = LocalVisitor(self)

    def lead(self, *addresses: str) -> None:
        """Have these get requests from the next reload on."""
        instances = {"web": [(f"at-{address}", address) for address in addresses]}
        text = ingress.configuration(SPEC, instances)
        for ours, here in (
            ("bind :80\n", f"bind 127.0.0.1:{self.plain}\n"),
            ("bind :443 ", f"bind 127.0.0.1:{self.port} "),
            (ingress.CERTIFICATE, str(self.directory / "names.pem")),
            ("  user haproxy\n  group haproxy\n", ""),
        ):
            assert ours in text
            text = text.replace(ours, here)
        (self.directory / "haproxy.cfg").write_text(text)

    def reload(self) -> None:
        """As the cloud asks for it; HAProxy says how it went since 2.7."""
        with socket.socket(socket.AF_UNIX) as master:
            master.connect(str(self.directory / "master.sock"))
            master.sendall(b"reload\n")
            assert b"Success=0" not in master.makefile("rb").read()

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs."""
        master = str(self.directory / "master.sock")
        process = subprocess.Popen(["haproxy", "-W", "-S", master, "-f", str(self.directory / "haproxy.cfg")])
        try:
            _until(lambda: socket.create_connection(("127.0.0.1", self.port), timeout=1).close())
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


class LocalVisitor(Visitor):
    """One who knows the port that is in place of 443."""

    def __init__(self, way_in: WayIn) -> None:
        super().__init__(DOMAIN, "127.0.0.1", way_in.authority)
        self._ports = {443: way_in.port, 80: way_in.plain}

    def _connect(self, port: int) -> socket.socket:
        return socket.create_connection((self.address, self._ports[port]), timeout=20)


def _until(attempt: object) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            attempt()  # type: ignore[operator]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def _instances(directory: Path, releases: dict[str, str]) -> Iterator[None]:
    """One instance at each address, of a release."""
    program = directory / "instance.py"
    program.write_text(INSTANCE)
    started = [subprocess.Popen([sys.executable, str(program), *each]) for each in releases.items()]
    try:
        for address in releases:
            _until(lambda address=address: socket.create_connection((address, 8000), timeout=1).close())
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture
def way_in(tmp_path: Path) -> WayIn:
    if shutil.which("haproxy") is None:
        pytest.fail("HAProxy is not installed: make tools")
    return WayIn(tmp_path)


def test_requests_move_to_new_instances_and_none_is_lost(way_in: WayIn, tmp_path: Path) -> None:
    """SF1: what was begun on the old instances ends there."""
    old, new = {"127.0.8.1": "old", "127.0.8.2": "old"}, {"127.0.8.3": "new", "127.0.8.4": "new"}
    way_in.lead(*old)
    with _instances(tmp_path, old | new), way_in.running(), ThreadPoolExecutor() as pool:
        arguments = {
            "--address": "127.0.0.1",
            "--port": str(way_in.port),
            "--name": DOMAIN,
            "--authority": str(way_in.authority),
            "--targets": json.dumps(TARGETS),
            "--least": str(REQUESTS),
            "--rate": "200",
        }
        load = subprocess.Popen(
            [sys.executable, "-m", "rehearsal.load", *(word for pair in arguments.items() for word in pair)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        time.sleep(2)
        slow = pool.submit(way_in.visitor.https, f"/slow?seconds={SLOW}")
        time.sleep(0.5)
        way_in.lead(*new)
        way_in.reload()
        assert eventually(lambda: bool(way_in.visitor.https("/release").json()["release"] == "new"), 10, 0.2)
        tally = json.loads(load.communicate()[0])
        assert slow.result().json()["release"] == "old"
    assert tally["failures"] == []
    assert tally["sent"] >= REQUESTS
    assert tally["served_by"].keys() == {"old", "new"}


def test_http_is_sent_to_https_and_only_the_apps_names_are_known(way_in: WayIn, tmp_path: Path) -> None:
    way_in.lead("127.0.8.1")
    with _instances(tmp_path, {"127.0.8.1": "one"}), way_in.running():
        assert way_in.visitor.https("/").json()["proto"] == "https"
        moved = way_in.visitor.http("/a/path?x=1")
        assert (moved.status, moved.headers["location"]) == (301, f"https://{DOMAIN}/a/path?x=1")
        stranger = LocalVisitor(way_in)
        stranger.name = "stranger.example.net"
        with pytest.raises(OSError, match=r"(?i)ssl|tls|handshake|reset"):
            stranger.https("/")
