"""What the checks have at hand: the visitor, the host's console, a load, the rehearsal itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.checks.check import Result
from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.visitor import Visitor
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings

COMMIT = "product.release.commit"
RANGES = "access.admin_cidrs"

TARGETS: list[dict[str, str]] = [
    {"method": "GET", "path": "/api/release/", "marks": "release"},
    {"method": "POST", "path": "/api/notes/", "body": json.dumps({"number": 7, "text": "written while it changes"})},
    {"method": "GET", "path": "/"},
    {"method": "GET", "path": "/api/notes/"},
]


@dataclass
class LoadReport:
    """What a load saw. Failures are (seconds since the epoch, what)."""

    sent: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    served_by: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def expect_no_failures(
        self, result: Result, when: str, least: int = 20_000, outside: tuple[float, float] | None = None
    ) -> None:
        """Expect enough requests and no failure but those that begin `outside`: (from, to), seconds since the epoch."""
        counted = [what for at, what in self.failures if outside is None or not outside[0] <= at <= outside[1]]
        meanwhile = f", {len(self.failures) - len(counted)} more while the host had no power" if outside else ""
        kinds = ", ".join(sorted(self.kinds))
        seen = f"{len(counted)} failed: {counted[:4]}"
        result.expect(f"{when}{self.sent:,} requests ({kinds}): 0 failed{meanwhile}", not counted, seen)
        result.expect(f"{when}at least {least:,} requests were sent", self.sent >= least, self.sent)

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, below which this share of the answers lies."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Scene:
    """A rehearsed stack with its one host. `said` is everything that the rehearsal has printed so far."""

    def __init__(self, rehearsal: Rehearsal, said: list[str]) -> None:
        self.rehearsal, self.said = rehearsal, said
        self.cloud, self.commits, self.directory = rehearsal.cloud, rehearsal.commits, rehearsal.workspace.directory
        self.authority = self.directory / "authority.pem"
        self.authority.write_text(self.cloud.test_authority_pem())
        self.settings = self._settings()
        self.look_again()

    def look_again(self) -> None:
        """Find the host and its address anew, after they were made anew."""
        self.outputs = self.rehearsal.outputs()
        self.host = self.rehearsal.host(self.settings.name)
        self.health_path = "/" + str(self.outputs["health"]).split("/", 3)[3]
        self.visitor = Visitor(self.settings.product.domain, str(self.outputs["address"]), self.authority)

    def _settings(self) -> Settings:
        file = stackfile.read(self.rehearsal.workspace.stack_file)
        return parse(file.stack, file.values, file.secrets, others=file.others)

    def root(self, *argv: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """Run a command at the host's console, as root."""
        return self.cloud.exec(self.host.id, list(argv), input=input, timeout=900)

    def outside(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine that is in no admin range."""
        return self.cloud.outsider().run(list(argv), timeout=300)

    def serving(self) -> dict[str, Any]:
        """Which release answers: the product's own word."""
        return dict(self.visitor.https("/api/release/").json())

    def release(self, variant: str) -> str:
        """Release a version of the sample as an operator would. Returns what was said where it failed, else ""."""
        before = self.rehearsal.workspace.read_config()["slipway:product"]["release"]["commit"]
        begun = len(self.said)
        try:
            self.rehearsal.up({COMMIT: self.commits[variant]})
        except RehearsalError as error:
            self.rehearsal.set_config(COMMIT, before)
            return "\n".join([*self.said[begun:], str(error)])
        return ""

    def state_text(self) -> str:
        """Everything that the engine keeps about the stack, as it lies on disk."""
        return "\n".join(file.read_text(errors="replace") for file in self.rehearsal.workspace.state_files())

    @contextmanager
    def load(self, least: int = 20_000, rate: float = 250.0) -> Iterator[LoadReport]:
        """Requests while the block runs, and on until there are enough of them. The report is filled at the end."""
        report = LoadReport()
        command = [
            sys.executable,
            "-m",
            "rehearsal.load",
            "--address",
            self.visitor.address,
            "--name",
            self.visitor.name,
            "--authority",
            str(self.authority),
            "--targets",
            json.dumps(TARGETS),
            "--least",
            str(least),
            "--rate",
            str(rate),
        ]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        try:
            time.sleep(2)
            yield report
            time.sleep(1)
        finally:
            printed, _ = process.communicate()
        tally = json.loads(printed)
        report.sent, report.latencies = tally["sent"], tally["latencies"]
        report.failures = [(at, what) for at, what in tally["failures"]]
        report.served_by, report.kinds = Counter(tally["served_by"]), Counter(tally["kinds"])


def run_quietly(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine and keep what it says."""
    return subprocess.run(list(argv), check=False, capture_output=True, text=True)
