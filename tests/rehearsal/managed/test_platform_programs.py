"""The platform's own programs: what forwards an app's logs, who takes them, and what asks a registry for an image."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rehearsal.checks.check import eventually
from rehearsal.managed import authority
from tests.ports import free_port

PROGRAMS = Path(__file__).parents[3] / "rehearsal" / "guest" / "platform"
LINE = b"<30>1 2026-11-26T15:00:00Z machine web 1 web - signed up"
PATIENCE = 20


@contextmanager
def _forwarding(*places: str, authorities: Path = Path("/dev/null")) -> Iterator[socket.socket]:
    """A socket that sends to it, once it is there."""
    incoming = free_port()
    command = [str(PROGRAMS / "forward.py"), str(incoming), str(authorities), "product", *places]
    process = subprocess.Popen([sys.executable, *command])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", incoming))
            end = time.monotonic() + PATIENCE
            while not _listens(incoming) and time.monotonic() < end:
                time.sleep(0.05)
            yield sender
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind(("", port))
        except OSError:
            return True
    return False


def _received(listening: socket.socket, lines: int) -> list[bytes]:
    listening.settimeout(PATIENCE)
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as stream:
        return [stream.readline() for _ in range(lines)]


def test_a_line_comes_to_every_destination_with_the_apps_name_for_the_machines() -> None:
    """SF7"""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
        _forwarding(*(f"syslog+tcp://127.0.0.1:{each.getsockname()[1]}" for each in (one, other))) as sender,
    ):
        sender.send(LINE)
        for listening in (one, other):
            assert _received(listening, 1) == [LINE.replace(b"machine", b"product") + b"\n"]


def test_what_nobody_takes_yet_is_kept_until_somebody_does() -> None:
    port = free_port()
    with _forwarding(f"syslog+tcp://127.0.0.1:{port}") as sender:
        sender.send(LINE + b" first")
        sender.send(LINE + b" second")
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", port)) as late:
            received = _received(late, 2)
    assert [line.rstrip().rpartition(b" ")[2] for line in received] == [b"first", b"second"]


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A directory with a certificate for localhost, and the authority that it is by."""
    signer = authority.new_authority("test")
    made = authority.issue(signer, ["localhost"])
    (tmp_path / "authority.pem").write_text(signer.chain)
    (tmp_path / "server.pem").write_text(f"{made.chain}{made.key}")
    return tmp_path


def test_lines_travel_over_tls_to_who_keeps_them(certified: Path) -> None:
    """SF7"""
    port, kept = free_port(), certified / "lines"
    receive = [str(PROGRAMS / "receive.py"), str(port), str(certified / "server.pem"), str(kept)]
    receiver = subprocess.Popen([sys.executable, *receive])
    try:
        place = f"syslog+tls://localhost:{port}"
        with _forwarding(place, authorities=certified / "authority.pem") as sender:
            for number in range(3):
                sender.send(LINE + f" {number}".encode())
            assert eventually(lambda: len(kept.read_text().splitlines()) == 3, PATIENCE)
    finally:
        receiver.kill()
        receiver.wait()
    assert all(" product web 1 web - signed up " in line for line in kept.read_text().splitlines())


DIGEST, IMAGE = f"sha256:{1:064x}", f"sha256:{2:064x}"
LOGIN = f"user:{secrets.token_hex(8)}"


class _Registry(BaseHTTPRequestHandler):
    """One image, for whoever has logged in."""

    ticket = hashlib.sha256(LOGIN.encode()).hexdigest()

    def do_GET(self) -> None:
        authorization = self.headers.get("Authorization", "")
        port = self.headers["Host"].rpartition(":")[2]
        if self.path.startswith("/token"):
            known = authorization == f"Basic {b64encode(LOGIN.encode()).decode()}"
            self._answer(200 if known else 401, {"token": self.ticket})
        elif authorization != f"Bearer {self.ticket}":
            self._answer(401, {}, f'Bearer realm="https://localhost:{port}/token",service="localhost"')
        elif self.path == f"/v2/owner/app/manifests/{DIGEST}":
            self._answer(200, {"config": {"digest": IMAGE}})
        else:
            self._answer(404, {})

    def _answer(self, status: int, body: object, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.mark.parametrize(
    ("digest", "credentials", "said"),
    [
        (DIGEST, LOGIN, {"image": IMAGE}),
        (f"sha256:{0:064x}", LOGIN, {"error": "not found"}),
        (DIGEST, "user:another", {"error": "unauthorized"}),
        (DIGEST, None, {"error": "unauthorized"}),
    ],
    ids=["known", "another digest", "another token", "no login"],
)
def test_an_image_is_had_by_its_digest_and_with_the_login(
    certified: Path, digest: str, credentials: str | None, said: dict[str, str]
) -> None:
    """SF1"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified / "server.pem")
    server = HTTPServer(("127.0.0.1", 0), _Registry)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    where = {"server": f"localhost:{server.server_port}", "repository": "owner/app"}
    try:
        done = subprocess.run(
            [sys.executable, str(PROGRAMS / "manifest.py"), str(certified / "authority.pem")],
            input=json.dumps({**where, "digest": digest, "credentials": credentials}),
            text=True,
            capture_output=True,
            check=True,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert json.loads(done.stdout) == said
