"""A host with the tiny product of containers applied, whose Docker, nginx and systemd are not real."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.host import compose_config, compose_steps, containers, preflight, slot_containers
from scripts.host.compose_config import ComposeLayout
from scripts.host.compose_steps import ComposeEffects
from scripts.host.coordinator import Coordinator, ReleaseError
from scripts.host.ledger import Ledger
from scripts.host.lock import Lock
from scripts.host.probe import Answer
from scripts.host.progress import Progress
from scripts.host.request import fingerprint
from scripts.host.run import Result
from scripts.host.slots import Slots
from scripts.host.state import State, StateFile
from tests.host_scripts.fake_docker import ONE, FakeDocker

FIRST, SECOND, THIRD = (f"20261121T1{hour}0000-aaaaaaa{hour}" for hour in "123")
CONFIG: dict[str, Any] = {
    "kind": "compose",
    "product": "tiny",
    "domain": "tiny.example.com",
    "keep": 2,
    "drain_seconds": 0,
    "min_free_mib": 1,
    "services": [
        {
            "name": "api",
            "role": "web",
            "port": 8000,
            "health": "/health/",
            "replicas": 2,
            "start_within": 0,
            "ports": {"blue": [20000, 20001], "green": [30000, 30001]},
            "stop_after": 20,
        },
        {"name": "worker", "role": "worker", "ready": "celery inspect 'ping me'", "stop_after": 60, "start_within": 0},
        {"name": "beat", "role": "scheduler", "start_within": 0},
    ],
    "jobs": [
        {"name": "migrate", "service": "api", "command": "alembic upgrade 'head of all'", "when": "before-switch"},
        {"name": "warm", "service": "worker", "command": "warm", "when": "after-switch", "timeout": 30},
    ],
    "verify": ["https://tiny.example.com/health/"],
    "must_not_be_true": ["DEBUG"],
}
NAMES = ("env", "compose", "slots")
SERVICES = {"api": "app", "worker": "app", "beat": "app"}


class Site:
    """nginx and its visitors, who are well unless an image is sick."""

    def __init__(self) -> None:
        self.checked: list[Path] = []
        self.followed: list[bool] = []
        self.note = ""

    def check(self, site: Path) -> None:
        self.checked.append(site)

    def expect(self, home: Path | None) -> None:
        """Nothing is reloaded here."""

    def follow(self, runs: bool = True) -> None:
        self.followed.append(runs)

    def get(self, url: str) -> Answer:
        return Answer(200)


class Machine:
    """A host with the tiny product applied. Docker, nginx and systemd are not real, files are."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.docker = FakeDocker()
        self.sick: set[str] = set()
        self.asked: list[int] = []
        self.cold = False
        self.secret = "hunter2-and-more"
        layout = ComposeLayout(root / "opt", root / "state", root / "etc")
        for path in (layout.state, layout.etc, layout.releases, *(layout.root / name for name in NAMES)):
            path.mkdir(parents=True)
        (layout.root / "env").chmod(0o700)
        self.layout = layout
        self.apply()
        monkeypatch.setattr("scripts.host.probe.service", self._ask)
        monkeypatch.setattr(compose_steps, "DATA", root)
        monkeypatch.setattr(preflight, "FREE_FILES", 0)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        self.units: list[str] = []
        self.down: set[str] = set()
        for module in (containers, compose_steps):
            monkeypatch.setattr(module, "run", self._systemctl)
        monkeypatch.setattr(slot_containers, "ALIVE_SECONDS", 0.0)

    def apply(self, **changes: Any) -> None:
        """What `slipway apply` brings."""
        layout = self.layout
        layout.config.write_text(json.dumps({**CONFIG, "root": str(layout.root), **changes}))
        layout.site.write_text("server {}\n")
        layout.compose.write_text("services: {}\n")
        for service in SERVICES:
            self.variables(service, f"SECRET_KEY={self.secret}\nDEBUG=False\n")

    def variables(self, service: str, text: str, mode: int = 0o600) -> None:
        """The variables of a service."""
        path = self.layout.variables(service)
        path.write_text(text)
        path.chmod(mode)

    def _ask(self, target: tuple[str, int], path: str, domain: str) -> Answer:
        self.asked.append(target[1])
        slot = "blue" if target[1] < 30000 else "green"
        images = {box.image for box in self.docker.boxes.values() if box.project == f"tiny-{slot}"}
        return Answer(503, "sick") if images & self.sick or not images else Answer(200)

    def _systemctl(self, argv: list[str], **options: Any) -> Result:
        self.units.append(" ".join(argv[1:]))
        return Result(3 if argv[-1] in self.down else 0, "", "")

    def effects(self) -> ComposeEffects:
        """A process of a release."""
        progress = Progress(None, out=io.StringIO())
        config = compose_config.load(self.layout.config)
        effects = ComposeEffects(self.layout, config, progress, "token", self.cold)
        self.docker.progress = progress
        effects.docker.commands = self.docker
        effects.nginx = effects.front = Site()  # type: ignore[assignment]
        effects.learn_secrets()
        return effects

    def state(self, release: str, image: str = ONE, **changes: Any) -> State:
        """A release of one image for all services."""
        slots = Slots(self.layout)
        live, idle = slots.live(), slots.idle()
        images = {"app": image}
        serving = slots.release(live) if live else None
        asked = {"images": images, "services": SERVICES, "versions": {"app": "2.0"}}
        known = {"old_slot": live, "old_release": serving, "slot_had": slots.release(idle), "boot": "b"}
        facts = {"commit": fingerprint(images), "revision": "1", "owner": "alice"}
        return State(**{"release": release, "slot": idle, **facts, **known, **asked, **changes})

    def release(self, release: str, image: str = ONE, **changes: Any) -> ComposeEffects:
        """Release it. ReleaseError if it fails."""
        lock = Lock(self.layout.state)
        lock.acquire("alice")
        effects = self.effects()
        states, ledger = StateFile(self.layout.state), Ledger(self.layout.state)
        try:
            Coordinator(effects, states, ledger, lock, effects.progress).release(self.state(release, image, **changes))
        finally:
            lock.release()
        return effects

    def failure(self, release: str, image: str = ONE) -> str:
        """How a release that fails says so."""
        with pytest.raises(ReleaseError) as failed:
            self.release(release, image)
        return failed.value.describe()
