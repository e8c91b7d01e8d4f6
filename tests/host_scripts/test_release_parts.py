"""What is asked for, what is checked before, and how a service is asked whether it is well."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hostfiles import droplet_pm2
from scripts.host import preflight, probe, release_config
from scripts.host.request import read_request
from scripts.host.run import HostError
from scripts.host.state import State, steps_of
from tests.hostfiles.stacks import stack

COMMIT = "c" * 40


def test_the_rendered_release_json_is_understood() -> None:
    """hostfiles writes it, the host reads it: every key that is written must be one that is read."""
    rendered = droplet_pm2.release_config(stack())
    config = release_config.parse(json.dumps(rendered))
    assert [service.name for service in config.services] == ["api", "worker", "beat", "frontend"]
    assert config.service("api").server == "gunicorn"
    assert config.service("api").slot_port("green") == 9000
    assert [job.name for job in config.jobs] == ["migrate"]
    known = set(release_config.Service.__dataclass_fields__)
    assert all(set(service) <= known for service in rendered["services"])


WEB = {"name": "a", "role": "web", "runtime": "python"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"services": [{**WEB, "command": "x", "directory": "../.."}]}, "leads out"),
        ({"services": [WEB]}, "has no command"),
        ({"jobs": [{"name": "m", "service": "none", "command": "x", "when": "before-switch"}]}, "no service 'none'"),
        ({"user": None}, "lacks user"),
    ],
)
def test_a_wrong_release_json_is_refused(change: dict[str, object], reason: str) -> None:
    whole = droplet_pm2.release_config(stack()) | change
    whole = {key: value for key, value in whole.items() if value is not None}
    with pytest.raises(HostError, match=reason):
        release_config.parse(json.dumps(whole))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "what to release is told on standard input, which is empty"),
        ("{", "is not a release request: Expecting"),
        ("[]", "is not a release request: a list, no object$"),
        ("{}", "is not a release request: no commit$"),
        ('{"commit": "main", "revision": "1", "owner": "a"}', "'main' is not a commit: 40 hexadecimal digits"),
    ],
)
def test_a_request_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(HostError, match=reason):
        read_request(text)


def test_a_return_to_a_release_that_is_there_builds_and_migrates_nothing() -> None:
    state = State("r", COMMIT, "1", "o", "blue", "green", "old", None, "boot", kind="rollback", kept=True)
    assert not steps_of(state) & {"fetch", "environment", "install", "build", "migrate", "after-switch"}


class _Product(BaseHTTPRequestHandler):
    """Well on /good, not on /bad; tells under which name it was asked."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 503)
        self.end_headers()
        self.wfile.write(f"<p>asked as {self.headers['Host']} by {self.headers['X-Forwarded-Proto']}</p>".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Nothing on the terminal."""

    def address_string(self) -> str:
        return "unix"


class _UnixServer(HTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(str(self.server_address))
        self.server_name, self.server_port = "unix", 0

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        return self.socket.accept()[0], ("unix", 0)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Path]:
    """A web service on a unix socket."""
    path = tmp_path / "api.sock"
    with _UnixServer(str(path), _Product) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_a_service_is_asked_through_its_socket_by_its_public_name(product: Path) -> None:
    answer = probe.service(product, "/good", "tiny.example.com")
    assert answer.good
    assert answer.detail == "asked as tiny.example.com by https"
    refused = probe.service(product, "/bad", "tiny.example.com")
    assert not refused.good
    assert refused.describe().startswith("answered 503 (asked as")


def test_what_does_not_answer_is_said_so(tmp_path: Path) -> None:
    answer = probe.service(tmp_path / "none.sock", "/", "tiny.example.com")
    assert answer.describe() == "did not answer (No such file or directory)"


def test_backing_services_are_found_in_the_variables() -> None:
    assert preflight.address_of("postgresql+psycopg://u:p@db.example.com/name") == ("db.example.com", 5432)
    assert preflight.address_of("rediss://:p@127.0.0.1:6380/0") == ("127.0.0.1", 6380)
    assert preflight.address_of("mongodb+srv://cluster.example.com/x") is None
    assert preflight.address_of("https://api.example.com") is None
    assert preflight.address_of("amqp://user:p%40@[::1]:5672//") == ("::1", 5672)
    assert preflight.address_of("postgres://a:1,b:2/x") is None


def test_a_backing_service_that_is_down_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "BACKING_SECONDS", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://:hidden@127.0.0.1:{free.getsockname()[1]}/0"
        with pytest.raises(HostError, match="the backing service in REDIS_URL takes no connection") as refused:
            preflight.backing({"OTHER": "x", "REDIS_URL": url})
        assert "hidden" not in refused.value.reason
        free.listen()
        preflight.backing({"REDIS_URL": url})


def test_memory_must_hold_a_second_copy(tmp_path: Path) -> None:
    config = release_config.parse(json.dumps(droplet_pm2.release_config(stack())))
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 4000000 kB\nMemAvailable: 1000000 kB\nSwapFree: 200000 kB\n")
    with pytest.raises(HostError, match="only 1171 MiB of memory and swap available"):
        preflight.memory(config, meminfo)
    meminfo.write_text("MemTotal: 4000000 kB\nMemAvailable: 1200000 kB\nSwapFree: 2000000 kB\n")
    preflight.memory(config, meminfo)
