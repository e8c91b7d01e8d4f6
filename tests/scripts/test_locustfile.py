"""`make locustfile`: what Locust's users ask for, and what its command says of a product that fails (VU10)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import locustfile
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.stacks import ROOT


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (
            "prod",
            [
                ("app.example.com/", True),
                ("api.example.com/api/v1/utils/health-check/", True),
                ("api.example.com/", False),
            ],
        ),
        (
            "familyflow",
            [
                ("familyflow.example.com/api/health/", True),
                ("familyflow.example.com/api", False),
                ("familyflow.example.com/", True),
            ],
        ),
        ("signupflow", [("signupflow.io/health", True), ("signupflow.io/", False)]),
    ],
)
def test_each_route_is_asked_for_and_each_health_that_a_visitor_gets_to(
    name: str, asked: list[tuple[str, bool]]
) -> None:
    found = [(request.label, request.certain) for request in locustfile.requests(stack(name).product)]
    assert found == asked


@pytest.mark.parametrize("file", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda file: file.stem)
def test_every_stack_of_ours_has_one(file: Path) -> None:
    text = locustfile.text(stack(file.stem.partition(".")[2]))
    compile(text, "locustfile.py", "exec")
    assert text.count("@task") >= 2


def test_a_stack_that_is_not_there_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.locustfile", "--stack", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Pulumi.nowhere.yaml: there is no such stack file" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def _product(status: int = 200, pause: float = 0.0) -> Iterator[str]:
    """A server on loopback that answers so to health, and 404 to everything else."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(pause)
            self.send_response(status if "health" in self.path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _locust(directory: Path, address: str, p95: int) -> subprocess.CompletedProcess[str]:
    text = locustfile.text(stack("signupflow")).replace("https://signupflow.io", address)
    text = text.replace("P95 = 1000 ", f"P95 = {p95} ")
    (directory / "locustfile.py").write_text(text.replace("between(1, 3)", "between(0.1, 0.2)"))
    command = [sys.executable, "-m", "locust", "--locustfile", "locustfile.py", "--headless"]
    return subprocess.run(
        [*command, "--users", "4", "--spawn-rate", "4", "--run-time", "5s", "--stop-timeout", "20"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("status", "pause", "said"), [(200, 0.0, ""), (503, 0.0, "503"), (200, 0.5, "should be 200 at most")]
)
def test_locust_s_command_fails_where_requests_fail_or_are_slow(
    status: int, pause: float, said: str, tmp_path: Path
) -> None:
    with _product(status, pause) as address:
        done = _locust(tmp_path, address, 200 if pause else 30_000)
    assert done.returncode == (1 if said else 0), done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "signupflow.io/health" in done.stdout + done.stderr
