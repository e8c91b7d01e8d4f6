"""A part of a sample product as a process of this machine: what its container would run, on another port."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from rehearsal.cache import cache_directory, locked
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PATIENCE = 60.0
PLATFORM = {"SLIPWAY_RELEASE": "20260101-000000", "SLIPWAY_SLOT": "green", "SLIPWAY_COMMIT": "c0ffee"}


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)


@dataclass
class Server:
    """A process that listens on `port`."""

    port: int
    process: subprocess.Popen[str]
    written: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, path: str, headers: Mapping[str, str]) -> Iterator[HTTPResponse]:
        """An answer whose body is still to come."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("GET", path, headers=dict(headers))
            with connection.getresponse() as answer:
                yield answer

    def ask(
        self, path: str, method: str = "GET", body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one request. A body that is not bytes goes as JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body=sent, headers={**kind, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, got.read().decode(), {name.lower(): value for name, value in got.getheaders()})

    def end(self) -> int:
        """Ask the process to stop, as a container engine does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.written.append(self.process.communicate(timeout=PATIENCE)[0])
        return self.process.returncode

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.ask("/is-anybody-there")
            except (OSError, HTTPException):
                time.sleep(0.1)
            else:
                return
        self.process.kill()
        raise AssertionError(f"it does not listen: {self.process.communicate()[0]}")


@contextmanager
def serving(
    argv: Sequence[str], directory: Path, environment: Mapping[str, str], port: int | None = None
) -> Iterator[Server]:
    """A part of a product with this environment and no other; it is gone at the end."""
    port = port or free_port()
    process = start(argv, directory, {**environment, "PORT": str(port)})
    server = Server(port, process)
    try:
        server._wait()
        yield server
    finally:
        if process.poll() is None:
            server.end()


def start(argv: Sequence[str], directory: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """The process alone, which may end at once. What it says on both outputs is one text."""
    compiled = str(cache_directory("examples", "compiled"))  # and not beside the programs, which images are made of
    ours = {"PATH": os.environ["PATH"], "PYTHONPYCACHEPREFIX": compiled, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        argv, cwd=directory, env={**ours, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def said(argv: Sequence[str], directory: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and the words of a process that ends by itself."""
    process = start(argv, directory, environment)
    words = process.communicate(timeout=PATIENCE)[0]
    return process.returncode, words


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis that keeps nothing; it is gone at the end."""
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


def laid_over(product: str, image: str, variant: str, directory: Path) -> Path:
    """A variant of an image's directory, made in `directory`; "" is the product itself."""
    shutil.copytree(EXAMPLES / product / image, directory, dirs_exist_ok=True)
    if variant:
        shutil.copytree(EXAMPLES / product / "variants" / variant / image, directory, dirs_exist_ok=True)
    return directory


def virtualenv(product: str) -> Path:
    """A Python with the packages that the product's image has, made once per machine and list; the interpreter."""
    [requirements] = (EXAMPLES / product).glob("*/requirements.txt")
    recipe = hashlib.sha256(f"{sys.version} {requirements.read_text()}".encode()).hexdigest()[:16]
    kept = cache_directory("examples")
    directory = kept / f"{product}-{recipe}"
    python = directory / "bin" / "python"
    with locked(kept / f"{product}.lock"):
        if not (directory / "made").exists():
            for older in kept.glob(f"{product}-*"):
                shutil.rmtree(older)
            subprocess.run([sys.executable, str(ROOT / "scripts" / "make_venv.py"), str(directory)], check=True)
            # The list is whole, so nothing is looked for. Most of it is never imported, so nothing is compiled yet.
            install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
            subprocess.run([str(python), *install, "--requirement", str(requirements)], check=True)
            subprocess.run([str(python), "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
            (directory / "made").touch()
    return python
