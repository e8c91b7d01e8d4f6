"""Locust's users while something happens: the file that `make locustfile` prints, against the rehearsed product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.checks.check import Result
from rehearsal.visitor import Visitor
from scripts import locustfile
from settings.stack import Settings

USERS = 40
"""Each asks every one to three seconds."""
_RUN = """
import sys
from locust.main import main
import gevent.socket
address, asked = sys.argv.pop(1), gevent.socket.getaddrinfo
gevent.socket.getaddrinfo = lambda host, *rest, **more: asked(address, *rest, **more)
main()
"""
"""Every name is at one address, as it is for a visitor once the DNS says so."""


@dataclass
class Seen:
    """What the users saw, by the name that Locust shows: how many requests, and what failed."""

    sent: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def expect_no_failures(self, result: Result, when: str = "") -> None:
        """Expect some requests, and no failure among them."""
        sent = sum(self.sent.values())
        result.expect(f"{when}{sent} requests of Locust's users: 0 failed", bool(sent) and not self.failed, self)


@contextmanager
def users(settings: Settings, visitor: Visitor, directory: Path, count: int = USERS) -> Iterator[Seen]:
    """Let so many users ask while the block runs. `Seen` is filled at its end. RuntimeError if Locust can't be run."""
    file = directory / "locustfile.py"
    file.write_text(locustfile.text(settings))
    command = [sys.executable, "-c", _RUN, visitor.address, "--locustfile", str(file), "--headless", "--json"]
    command += ["--users", str(count), "--spawn-rate", str(count), "--exit-code-on-error", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SSL_CERT_FILE": str(visitor.authority)},
    )
    seen = Seen()
    try:
        yield seen
    finally:
        process.terminate()  # on which it lets the requests end, and tells what there was
        told, said = process.communicate(timeout=60)
    begins = told.find("[")
    if begins < 0:
        raise RuntimeError(f"Locust: {said.strip()[-800:]}")
    for row in json.JSONDecoder().raw_decode(told[begins:])[0]:
        seen.sent[row["name"]] = row["num_requests"]
        if row["num_failures"]:
            seen.failed.append(f"{row['name']}: {row['num_failures']} of {row['num_requests']}")
