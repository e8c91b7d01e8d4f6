"""Releases in containers, as the command lines that Docker is given and what is made of its answers."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.host import compose_config, compose_steps, containers, leaks, preflight, slot_containers
from scripts.host.compose_config import ComposeLayout
from scripts.host.compose_steps import ComposeEffects
from scripts.host.coordinator import Coordinator, ReleaseError
from scripts.host.ledger import Ledger
from scripts.host.lock import Lock
from scripts.host.probe import Answer
from scripts.host.progress import Progress
from scripts.host.request import fingerprint
from scripts.host.run import HostError, Result
from scripts.host.slots import Slots
from scripts.host.state import State, StateFile
from tests.host_scripts.fake_docker import ONE, SITE, TWO, FakeDocker

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


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_release_starts_each_role_after_what_it_needs_and_ends_the_one_before(machine: Machine) -> None:
    machine.release(FIRST)
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1, "beat": 1}
    machine.docker.ran.clear()
    machine.release(SECOND, TWO)
    assert machine.docker.running("tiny-green") == {"api": 2, "worker": 1, "beat": 1}
    assert machine.docker.running("tiny-blue") == {}
    ups = [argv[8:] for argv in machine.docker.started("compose") if argv[8] == "up"]
    assert [argv[-1] for argv in ups] == ["api", "worker", "beat"]
    assert set(ups[0][1:-1]) == {"--detach", "--no-deps", "--no-build", "--pull", "never", "--force-recreate"}
    assert {box.policy for box in machine.docker.boxes.values()} == {"unless-stopped"}
    assert set(machine.asked[-6:]) == {30000, 30001}
    stopped = [(box, seconds) for _, seconds, box in machine.docker.started("stop")]
    assert {(box.split("-")[1], seconds) for box, seconds in stopped} == {
        ("api", "20"),
        ("worker", "60"),
        ("beat", "30"),
    }


def test_a_release_tells_its_directory_what_compose_and_nginx_ask_for(machine: Machine) -> None:
    machine.release(FIRST)
    machine.release(SECOND, TWO)
    home = machine.layout.release(SECOND)
    assert (home / ".env").read_text().splitlines() == [
        "COMPOSE_PROJECT_NAME=tiny-green",
        "SLIPWAY_SLOT=green",
        f"SLIPWAY_RELEASE={SECOND}",
        f"API_IMAGE={TWO}",
        "API_PORTS=30000-30001",
        f"WORKER_IMAGE={TWO}",
        f"BEAT_IMAGE={TWO}",
    ]
    assert (home / "green").exists()
    assert not (machine.layout.release(FIRST) / "green").exists()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home, *home.iterdir(), *(home / "env").iterdir())}
    public = {"identity.json": 0o644, "site.conf": 0o644, "green": 0o644}
    private = {".env": 0o600, "compose.yaml": 0o600, "release.json": 0o600, "env": 0o700}
    assert modes == {SECOND: 0o711, **public, **private, **{f"{name}.env": 0o600 for name in SERVICES}}
    identity = json.loads((home / "identity.json").read_text())
    assert (identity["images"], identity["services"], identity["leader"]) == ({"app": TWO}, SERVICES, True)


def test_jobs_run_in_containers_of_their_own_before_and_after_the_switch(machine: Machine) -> None:
    machine.release(FIRST)
    runs = [argv[8:] for argv in machine.docker.started("compose") if argv[8] == "run"]
    how = ["run", "--rm", "--no-deps", "-T", "--name"]
    label = ["--label", f"slipway.release={FIRST}"]
    assert runs == [
        [*how, "tiny-blue-job-migrate", *label, "api", "alembic", "upgrade", "head of all"],
        [*how, "tiny-blue-job-warm", *label, "worker", "warm"],
    ]


def test_a_failing_migration_is_told_and_leaves_the_old_release(machine: Machine) -> None:
    machine.release(FIRST)
    machine.docker.failing_jobs.add("api")
    with pytest.raises(ReleaseError) as failed:
        machine.release(SECOND, TWO)
    assert failed.value.describe().startswith("release failed at step migrate: job migrate: `api: alembic upgrade")
    assert failed.value.describe().endswith("exited with 3")
    assert "relation exists already" in failed.value.lines
    assert not machine.layout.release(SECOND).exists()
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1, "beat": 1}


def test_an_unhealthy_image_shows_its_last_lines_without_a_secret(machine: Machine) -> None:
    machine.release(FIRST)
    machine.sick.add(TWO)
    machine.docker.written["api"] = f"begins with {machine.secret}\n\nTraceback: no such table\n"
    with pytest.raises(ReleaseError, match=r"api \(port 30000\): /health/ answered 503 \(sick\)") as failed:
        machine.release(SECOND, TWO)
    assert failed.value.lines[-2:] == ["api: begins with ***", "api: Traceback: no such table"]
    assert machine.docker.running("tiny-green") == {}


def test_a_container_that_does_not_stay_up_fails_at_once(machine: Machine) -> None:
    machine.docker.dies.add("worker")
    assert "step workers: worker does not stay up (exited, 3 restarts)" in machine.failure(FIRST)


def test_a_worker_that_never_says_that_it_is_ready_fails(machine: Machine) -> None:
    machine.docker.unready.add("worker")
    assert "worker not ready after 0 seconds" in machine.failure(FIRST)
    assert machine.docker.started("exec")[0][1:] == ["celery", "inspect", "ping me"]


def test_a_container_that_restarts_as_it_answers_is_not_well(machine: Machine) -> None:
    effects = machine.release(FIRST)
    box = next(box for box in machine.docker.boxes.values() if box.service == "api")
    box.status, box.restarts = "restarting", 1
    with pytest.raises(HostError, match=r"api does not stay up \(restarting, 1 restarts\)"):
        effects.healthy("blue")


@pytest.mark.parametrize("user", ["", "root", "0:0", "0", "00:1000"])
def test_a_container_that_would_be_root_s_is_refused(machine: Machine, user: str) -> None:
    machine.docker.registry[TWO] = user
    said = machine.failure(FIRST, TWO)
    assert said.startswith("release failed at step environment: services.api runs as root: ")
    assert said.endswith('say user: "uid:gid"')
    machine.docker.users = dict.fromkeys(SERVICES, "1000:1000")
    machine.release(SECOND, TWO)


def test_networks_and_volumes_of_others_are_made_where_they_are_missing(machine: Machine) -> None:
    machine.release(FIRST)
    assert "tiny" in machine.docker.networks
    assert machine.docker.volumes == {"tiny-kept"}
    assert "restart slipway-docker.service" in machine.units
    machine.units.clear()
    machine.release(SECOND, TWO)
    assert "restart slipway-docker.service" not in machine.units
    assert len(machine.docker.started("network", "create")) == 1


@pytest.mark.parametrize("value", ["True", "1", "'yes'", '"on"'])
def test_a_debug_flag_that_is_on_stops_a_release(machine: Machine, value: str) -> None:
    """VU9."""
    machine.variables("worker", f"DEBUG={value}\n")
    assert "step preflight: services.worker: DEBUG is on" in machine.failure(FIRST)


def test_variables_that_others_may_read_or_that_are_missing_stop_a_release(machine: Machine) -> None:
    machine.variables("beat", "A=1\n", 0o640)
    assert "beat.env is not root's alone (mode 0640)" in machine.failure(FIRST)
    machine.layout.variables("beat").unlink()
    assert "beat.env: No such file or directory; `slipway apply` brings it" in machine.failure(FIRST)
    machine.variables("beat", f"half a {machine.secret}")
    said = machine.failure(FIRST)
    assert ".env line 1 is not NAME=value" in said
    assert machine.secret not in said


def test_a_backing_service_beside_the_product_is_asked_where_its_container_is(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.release(FIRST)
    asked: list[tuple[str, int]] = []

    def reachable(host: str, port: int) -> bool:
        asked.append((host, port))
        return True

    monkeypatch.setattr("scripts.host.probe.reachable", reachable)
    machine.variables("api", "A=redis://worker:6379/0\nB=mongodb://db.example.com/x\n")
    machine.release(SECOND, TWO)
    assert asked == [("172.30.0.9", 6379), ("db.example.com", 27017)]


def test_a_full_disk_of_docker_s_stops_a_release(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.apply(min_free_mib=10**9)
    assert re.search(r"step preflight: only \d+ MiB free in .*, a release needs 1000000000", machine.failure(FIRST))


def test_old_releases_go_with_their_images_and_nobody_else_s(machine: Machine) -> None:
    other = "registry.example.com/other@sha256:" + "9" * 64
    machine.docker.here[other] = "app"
    machine.release(FIRST)
    machine.release(SECOND, TWO)
    third = "registry.example.com/app@sha256:" + "4" * 64
    machine.docker.registry[third] = "app"
    machine.release(THIRD, third)
    assert set(machine.docker.here) == {TWO, third, other}
    assert not machine.layout.release(FIRST).exists()


def test_an_image_that_a_failed_release_left_goes_with_the_next(machine: Machine) -> None:
    machine.release(FIRST)
    machine.sick.add(TWO)
    with pytest.raises(ReleaseError):
        machine.release(SECOND, TWO)
    assert TWO in machine.docker.here, "it may be asked for again"
    third = "registry.example.com/app@sha256:" + "4" * 64
    machine.docker.registry[third] = "app"
    machine.release(THIRD, third)
    assert set(machine.docker.here) == {ONE, third}


def test_a_return_to_a_kept_release_pulls_again_what_somebody_removed(machine: Machine) -> None:
    machine.release(FIRST)
    machine.release(SECOND, TWO)
    del machine.docker.here[ONE]
    machine.docker.ran.clear()
    machine.release(FIRST, ONE, kind="rollback", kept=True)
    assert machine.docker.started("pull") == [["--quiet", ONE]]
    assert not [argv for argv in machine.docker.started("compose") if argv[8] == "run"], "no migration on the way back"
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1, "beat": 1}


def test_a_kept_release_can_come_into_the_other_slot(machine: Machine) -> None:
    machine.apply(keep=5)
    machine.release(FIRST)
    machine.release(SECOND, TWO)
    machine.release(THIRD, SITE)
    machine.release(FIRST, ONE, kind="rollback", kept=True)
    assert machine.docker.running("tiny-green") == {"api": 2, "worker": 1, "beat": 1}
    home = machine.layout.release(FIRST)
    assert (home / "green").exists()
    assert "API_PORTS=30000-30001" in (home / ".env").read_text()


def test_a_release_removes_a_drained_mark_at_its_end(machine: Machine) -> None:
    machine.layout.drained.touch()
    machine.docker.failing_jobs.add("api")
    with pytest.raises(ReleaseError):
        machine.release(FIRST)
    assert machine.layout.drained.exists()
    machine.docker.failing_jobs.clear()
    machine.release(FIRST)
    assert not machine.layout.drained.exists()


def test_a_host_that_does_not_lead_has_no_scheduler_and_runs_no_job(machine: Machine) -> None:
    effects = machine.release(FIRST, leader=False, fleet=True)
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1}
    assert not [argv for argv in machine.docker.started("compose") if argv[8] == "run"]
    machine.docker.boxes.clear()
    effects.ensure("blue")
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1}
    assert effects.serves("blue")


def test_a_boot_starts_what_is_missing_of_what_serves_and_removes_what_does_not(machine: Machine) -> None:
    machine.release(FIRST)
    machine.release(SECOND, TWO)
    blue = next(box for box in machine.docker.boxes.values() if box.service == "api")
    stray = replace(blue, id="stray", project="tiny-blue")
    machine.docker.boxes = {"stray": stray}
    machine.cold = True
    machine.asked.clear()
    machine.effects().settle()
    assert machine.docker.running("tiny-green") == {"api": 2, "worker": 1, "beat": 1}
    assert machine.docker.running("tiny-blue") == {}
    assert {box.policy for box in machine.docker.boxes.values()} == {"unless-stopped"}
    assert machine.asked == [], "a boot waits for nobody"


@pytest.mark.parametrize(("cold", "down", "reloads"), [(False, True, True), (True, True, False), (True, False, True)])
def test_at_boot_nginx_is_reloaded_only_if_it_is_up_already(
    machine: Machine, cold: bool, down: bool, reloads: bool
) -> None:
    machine.release(FIRST)
    machine.cold = cold
    machine.down = {"nginx.service"} if down else set()
    effects = machine.effects()
    site = Site()
    effects.nginx = site  # type: ignore[assignment]
    effects.follow()
    assert site.followed == [reloads]


def test_docker_is_started_where_it_does_not_run(machine: Machine) -> None:
    machine.down = {"docker.service"}
    machine.release(FIRST)
    assert machine.units[:3] == [
        "is-active --quiet docker.service",
        "reset-failed docker.service",
        "start docker.service",
    ]


def test_a_switch_goes_on_where_docker_can_not_be_told_of_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With live-restore the containers run on without the daemon, and going back must not depend on it."""
    effects = machine.release(FIRST)
    monkeypatch.setattr(machine.docker, "output", lambda *_, **__: (1, "", "Cannot connect to the Docker daemon"))
    effects.slots.assign("green", FIRST)
    effects.switch("green")
    assert effects.live_slot() == "green"


def test_a_job_that_outlived_its_release_ends_with_it(machine: Machine) -> None:
    effects = machine.release(FIRST)
    box = next(iter(machine.docker.boxes.values()))
    left = replace(box, id="left", labels={"slipway.release": FIRST})
    machine.docker.boxes["left"] = left
    effects.remove(FIRST)
    assert "left" not in machine.docker.boxes


def test_serving_is_all_containers_and_an_answer_of_each(machine: Machine) -> None:
    effects = machine.release(FIRST)
    assert effects.serves("blue")
    machine.sick.add(ONE)
    assert not effects.serves("blue")
    machine.sick.clear()
    machine.docker.boxes.popitem()
    assert not effects.serves("blue")


def test_a_log_with_a_secret_in_it_is_told_without_it(machine: Machine) -> None:
    """VU9: logs clean of sensitive data."""
    machine.docker.written = {"worker": f"started\nmy key is {machine.secret}\n", "api": "DEBUG is False"}
    effects = machine.release(FIRST)
    assert effects.leaks("blue") == ["services.worker writes SECRET_KEY into its log"]
    effects.verify(machine.state(FIRST, slot="blue"))
    assert effects.progress.tail[-1] == "note: services.worker writes SECRET_KEY into its log"


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"API_KEY": "0123456789"}, ["API_KEY"]),
        ({"DATABASE_URL": "postgres://app:hunter2hunter2@db/app"}, ["DATABASE_URL"]),
        ({"TOKENIZERS": "0123456789", "MODE": "0123456789"}, []),
        ({"SECRET_KEY": "short"}, []),
    ],
)
def test_secrets_are_what_is_called_so_and_passwords_in_urls(variables: dict[str, str], found: list[str]) -> None:
    assert leaks.leaks(variables, ["a short line with 0123456789", "and hunter2hunter2"]) == found


def test_what_keeps_coming_back_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = machine.release(FIRST)
    monkeypatch.setattr(machine.docker, "_rm", lambda rest: (0, "", ""))
    with pytest.raises(HostError, match="what runs in tiny-blue does not stay stopped"):
        effects.stop("blue")
