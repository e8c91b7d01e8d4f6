"""What the checks have at hand: the visitor, the host's console, a load, the rehearsal itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.checks.check import Result, eventually
from rehearsal.load import CLIENTS
from rehearsal.model import Host, Server
from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.visitor import Answer, Visitor
from scripts.pulumi_cli import plain
from settings import stackfile
from settings.kinds import AppPlatform, FleetCompose
from settings.parse import parse
from settings.product import Product, leading
from settings.stack import Settings

COMMIT, IMAGES = "product.release.commit", "product.release.images"
RANGES = "access.admin_cidrs"

BALANCED_WITHIN = 60
"""Seconds in which a new balancer has asked its hosts twice, ten seconds apart, and lets visitors through."""
RATE, FLEET_RATE = 250.0, 150.0
"""Requests a second. A fleet's hosts, balancer, database and users share this machine: at 250 a release's new
containers have hardly any time to start in."""
EXAMPLES = Path(__file__).parents[2] / "examples"


def targets_of(product: Product) -> list[dict[str, str]]:
    """What a load asks of a sample product: the requests of its load.json, each sent to the name whose route leads to
    its `service`, to the product's main one where it has none (see rehearsal.load.Target). A sample is the same for a
    production and its staging, whose names differ. ValueError where no route leads there."""
    found: list[dict[str, str]] = json.loads((EXAMPLES / product.name / "load.json").read_text())
    return [_sent_to(product, target) for target in found]


def _sent_to(product: Product, target: dict[str, str]) -> dict[str, str]:
    if not (service := target.get("service")):
        return target
    for name in product.routed_names:
        route = leading(product.routes_of(name), target["path"])
        if route is not None and route.service == service:
            return {**{key: value for key, value in target.items() if key != "service"}, "host": name}
    raise ValueError(f"{product.name}: no route leads {target['path']} to {service}")


@dataclass
class LoadReport:
    """What a load saw. Failures are (seconds since the epoch, what)."""

    least: int = 20_000
    sent: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    served_by: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def expect_no_failures(self, result: Result, when: str, outside: tuple[float, float] | None = None) -> None:
        """Expect enough requests and no failure but those that begin `outside`: (from, to), seconds since the epoch."""
        counted = [what for at, what in self.failures if outside is None or not outside[0] <= at <= outside[1]]
        meanwhile = f", {len(self.failures) - len(counted)} more meanwhile" if outside else ""
        kinds = ", ".join(sorted(self.kinds))
        seen = f"{len(counted)} failed: {counted[:4]}"
        result.expect(f"{when}{self.sent:,} requests ({kinds}): 0 failed{meanwhile}", not counted, seen)
        result.expect(f"{when}at least {self.least:,} requests were sent", self.sent >= self.least, self.sent)

    def expect_those_on_their_way(self, result: Result, when: str, since: float, seconds: float) -> None:
        """Expect that a host which is lost takes with it what was on its way there, one request of each user at most,
        and none that begins later than `seconds` after `since`."""
        self.expect_no_failures(result, when, outside=(since - 1, since + seconds))
        text = (
            f"{when}{len(self.failures)} failed, {CLIENTS} at most: each user's one that was on its way, begun within"
        )
        result.expect(f"{text} {seconds:.0f} s", len(self.failures) <= CLIENTS, self.failures[:4])

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, below which this share of the answers lies."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Scene:
    """A rehearsed stack. `said` is all that the rehearsal has printed so far."""

    def __init__(
        self, rehearsal: Rehearsal, said: list[str], requests: int = 20_000, rate: float | None = None
    ) -> None:
        """`requests` is how many each load sends at least, `rate` how many a second; else what its kind bears here."""
        self.rehearsal, self.said, self.requests = rehearsal, said, requests
        self.cloud, self.commits, self.directory = rehearsal.cloud, rehearsal.commits, rehearsal.workspace.directory
        self.authority = self.directory / "authority.pem"
        self.authority.write_text(self.cloud.test_authority_pem())
        self.look_again()
        self.rate = rate or (FLEET_RATE if isinstance(self.settings.architecture, FleetCompose) else RATE)
        self.targets = targets_of(self.settings.product)

    def look_again(self) -> None:
        """Find the host and its address anew, after they were made anew, as the stack file has them now."""
        self.settings, self.outputs = self._settings(), self.rehearsal.outputs()
        self._hosts = [self.rehearsal.host(name) for name in host_names(self.settings)[:1]]
        self.health_name, _, path = str(self.outputs["health"]).removeprefix("https://").partition("/")
        self.health_path = f"/{path}"
        address = self.app.public_address if self.has_app else str(self.outputs["address"])
        self.visitor = Visitor(self.settings.product.domain, address, self.authority)
        eventually(lambda: self.health().status == 200, BALANCED_WITHIN)  # what it does not do is for a check to say

    @property
    def host(self) -> Host:
        """The first of its hosts. RehearsalError where no host is ours."""
        if not self._hosts:
            raise RehearsalError(f"{self.settings.name} has no host")
        return self._hosts[0]

    @property
    def has_app(self) -> bool:
        """Whether the cloud's platform runs it, and no host of ours."""
        return isinstance(self.settings.architecture, AppPlatform)

    @property
    def app(self) -> Server:
        """The app's way in. RehearsalError where there is no app."""
        found = [app for app in self.cloud.managed.apps.all() if app.name == self.settings.name]
        if not found:
            raise RehearsalError(f"the local cloud runs no app {self.settings.name}")
        return found[0]

    def _settings(self) -> Settings:
        file = stackfile.read(self.rehearsal.workspace.stack_file)
        return parse(file.stack, file.values, file.secrets, others=file.others)

    def root(
        self,
        *argv: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        host: Host | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command at a host's console, as root; the first host's where none is named."""
        return self.cloud.exec((host or self.host).id, list(argv), input=input, timeout=900)

    @property
    def progress(self) -> str:
        """All that the rehearsal has printed so far. Where it found everything the same, that is its stack's name."""
        return "\n".join([self.rehearsal.stack, *self.said])

    @property
    def hosts(self) -> list[Host]:
        """The hosts that run the product, in their order."""
        return [self.rehearsal.host(name) for name in host_names(self.settings)]

    def outside(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine that is in no admin range."""
        return self.cloud.outsider().run(list(argv), timeout=300)

    def health(self) -> Answer:
        """What the product says of its own health, to a visitor."""
        return self.visitor_of(self.health_name).https(self.health_path)

    def visitor_of(self, name: str) -> Visitor:
        """A visitor of one of the product's names."""
        return Visitor(name or self.visitor.name, self.visitor.address, self.authority)

    def serving(self) -> dict[str, Any]:
        """Which release answers: the product's own word."""
        target = next(target for target in self.targets if target.get("marks"))
        return dict(self.visitor_of(target.get("host", "")).https(target["path"]).json())

    @property
    def version_key(self) -> str:
        """The path of what says which version is to run."""
        return COMMIT if self.settings.product.release.commit else IMAGES

    def configured(self) -> Any:
        """The version that the stack file names. After a rollback on the host it is not the one that serves."""
        return self.rehearsal.workspace.read_config()["slipway:product"]["release"][self.version_key.rpartition(".")[2]]

    @property
    def versions(self) -> Mapping[str, Any]:
        """The versions of the sample by variant: each a commit, or a digest for each image."""
        return self.commits if self.version_key == COMMIT else self.rehearsal.images

    def serves(self, variant: str) -> bool:
        """Whether this version answers, and on every host no other runs."""
        if self.version_key == COMMIT:
            return bool(self.serving()["commit"] == self.versions[variant])
        if self.has_app:
            running = {record.image for record in self.cloud.managed.apps.serving(self.app.id)}
            return running == set(self.versions[variant].values())
        return all(self.runs(host) == set(self.versions[variant].values()) for host in self.hosts)

    def runs(self, host: Host) -> set[str]:
        """The images of the product's containers that run on a host."""
        name = self.settings.product.name
        ours = [f"--filter=label=com.docker.compose.project={name}-{slot}" for slot in ("blue", "green")]
        found = [self.root("docker", "ps", "--quiet", one, host=host).stdout.split() for one in ours]
        containers = [container for listed in found for container in listed]
        if not containers:
            return set()
        return set(
            self.root("docker", "inspect", "--format", "{{.Config.Image}}", *containers, host=host).stdout.split()
        )

    def current(self) -> str:
        """Which of the two good versions serves now."""
        return "main" if self.serves("main") else "good"

    def another(self) -> str:
        """The good version that does not serve now."""
        return "good" if self.current() == "main" else "main"

    def release(self, variant: str) -> str:
        """Release a version of the sample as an operator would. Returns what was said where it failed, else ""."""
        return self.release_version(self.versions[variant])

    def release_version(self, version: Any) -> str:
        """Release a commit, or digests."""
        key, before = self.version_key, self.configured()
        begun = len(self.said)
        try:
            self.rehearsal.up({key: version})
        except RehearsalError as error:
            self.rehearsal.set_config(key, before)
            return "\n".join([*self.said[begun:], str(error)])
        return ""

    def coordinator(self, command: str) -> subprocess.CompletedProcess[str]:
        """What `make recover` and its like run: the fleet's coordinator, told what the engine's state knows."""
        name = f"{self.settings.name}-fleet-release"
        found = [each for each in self.rehearsal.resources(show_secrets=True) if each["urn"].endswith(f"::{name}")]
        argv = [sys.executable, "-m", "scripts.fleet", command]
        root = Path(__file__).parents[2]
        text = plain(found[0]["inputs"]["stdin"])
        return subprocess.run(argv, input=text, text=True, capture_output=True, cwd=root, check=False)

    def state_text(self) -> str:
        """Everything that the engine keeps about the stack, as it lies on disk."""
        return "\n".join(file.read_text(errors="replace") for file in self.rehearsal.workspace.state_files())

    @contextmanager
    def load(self, least: int | None = None) -> Iterator[LoadReport]:
        """Requests at a steady rate while the block runs, then as many as are answered until there are enough of them.
        The report is filled at the end.
        """
        report = LoadReport(least=self.requests if least is None else least)
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
            json.dumps(self.targets),
            "--least",
            str(report.least),
            "--rate",
            str(self.rate),
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


def host_names(settings: Settings) -> list[str]:
    """The names of the hosts that run the product."""
    if isinstance(settings.architecture, FleetCompose):
        return [f"{settings.name}-{number}" for number in range(1, settings.architecture.hosts + 1)]
    if isinstance(settings.architecture, AppPlatform):
        return []
    return [settings.name]


def run_quietly(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine and keep what it says."""
    return subprocess.run(list(argv), check=False, capture_output=True, text=True)
