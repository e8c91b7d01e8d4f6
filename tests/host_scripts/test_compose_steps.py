"""Releases in containers, as the command lines that Docker is given and what is made of its answers."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest

from scripts.host.coordinator import ReleaseError
from scripts.host.run import HostError
from tests.host_scripts.compose_machine import FIRST, SECOND, SERVICES, THIRD, Machine, Site
from tests.host_scripts.fake_docker import ONE, SITE, TWO


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
        f"SLIPWAY_HOST={socket.gethostname()}",
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
    both = ["api: begins with *** (2 times)", "api: Traceback: no such table (2 times)"]
    assert failed.value.lines[-2:] == both, "each of two containers wrote it"
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


def test_what_runs_of_what_serves_goes_on_where_one_beside_it_is_missing(machine: Machine) -> None:
    """It may be all that answers visitors."""
    machine.release(FIRST)
    healthy, sick = (box for box in machine.docker.boxes.values() if box.service == "api")
    sick.status = "restarting"
    machine.effects().ensure("blue")
    assert machine.docker.running("tiny-blue") == {"api": 2, "worker": 1, "beat": 1}
    assert machine.docker.boxes[healthy.id] is healthy
    assert sick.id not in machine.docker.boxes


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


def test_what_keeps_coming_back_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = machine.release(FIRST)
    monkeypatch.setattr(machine.docker, "_rm", lambda rest: (0, "", ""))
    with pytest.raises(HostError, match="what runs in tiny-blue does not stay stopped"):
        effects.stop("blue")
