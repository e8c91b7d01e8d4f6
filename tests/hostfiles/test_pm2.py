"""ecosystem.config.js, read by Node (FF3, FF4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hostfiles import pm2
from settings.stack import Settings
from tests.hostfiles.conftest import Run
from tests.hostfiles.stacks import raw, stack, variables

_SHOW = "console.log(JSON.stringify(require(process.argv[1])))"


def _written(settings: Settings, root: Path) -> Path:
    path = root / "ecosystem.config.js"
    path.write_text(pm2.ecosystem(settings.product).replace("/srv/familyflow", str(root)))
    return path


def _apps(run: Run, path: Path, **environment: str) -> list[dict[str, Any]]:
    shown = run("node", "-e", _SHOW, str(path), **environment)
    assert shown.returncode == 0, shown.stderr
    apps: list[dict[str, Any]] = json.loads(shown.stdout)["apps"]
    return apps


def test_node_takes_the_file(familyflow: Settings, run: Run, tmp_path: Path) -> None:
    assert run("node", "--check", str(_written(familyflow, tmp_path))).returncode == 0


def test_every_process_of_the_slot_that_serves_starts_in_order(familyflow: Settings, run: Run, tmp_path: Path) -> None:
    """FF3: API, worker, beat; the frontend is static files. FF4: one command starts all."""
    (tmp_path / "current").symlink_to("slots/green")
    apps = _apps(run, _written(familyflow, tmp_path))
    assert [app["name"] for app in apps] == ["api-green", "worker-green", "beat-green"]
    for app in apps:
        assert app["wait_ready"] is app["autorestart"] is True
        assert (app["listen_timeout"], app["max_restarts"]) == (10_000, 10)
        assert app["env_production"] == {}
        assert app["treekill"] is False
        assert app["out_file"] == app["error_file"] == f"{tmp_path}/logs/{app['name']}.log"
    assert [app["max_memory_restart"] for app in apps] == ["512M", "512M", "256M"]
    assert [app["kill_timeout"] for app in apps] == [35_000, 65_000, 15_000]


def test_a_release_starts_the_other_slot(familyflow: Settings, run: Run, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("slots/green")
    apps = _apps(run, _written(familyflow, tmp_path), SLIPWAY_SLOT="blue")
    assert [app["name"] for app in apps] == ["api-blue", "worker-blue", "beat-blue"]
    assert apps[0]["args"] == ["--root", str(tmp_path), "--service", "api", "--slot", "blue"]


def test_before_the_first_release_there_is_nothing_to_start(familyflow: Settings, run: Run, tmp_path: Path) -> None:
    assert _apps(run, _written(familyflow, tmp_path)) == []


def test_a_release_starts_the_processes_that_it_has_and_not_those_applied_after_it(
    familyflow: Settings, run: Run, tmp_path: Path
) -> None:
    """FF4: another list of services is applied, its release fails, the host boots or somebody starts PM2 by hand."""
    (tmp_path / "releases" / "one").mkdir(parents=True)
    _written(familyflow, tmp_path).rename(tmp_path / "releases" / "one" / "ecosystem.config.js")
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots" / "green").symlink_to("../releases/one")
    (tmp_path / "current").symlink_to("slots/green")
    services = raw("services")
    services["queue"] = services.pop("worker")
    applied = _written(stack({"services": services}), tmp_path)
    old = ["api-green", "worker-green", "beat-green"]
    assert [app["name"] for app in _apps(run, applied)] == old
    assert [app["name"] for app in _apps(run, applied, SLIPWAY_SLOT="green")] == old
    assert [app["name"] for app in _apps(run, applied, SLIPWAY_SLOT="blue")] == ["api-blue", "queue-blue", "beat-blue"]
    (tmp_path / "releases" / "two").mkdir()
    (tmp_path / "releases" / "two" / "ecosystem.config.js").write_text(applied.read_text())
    new = tmp_path / "releases" / "two" / "ecosystem.config.js"
    (tmp_path / "slots" / "blue").symlink_to("../releases/two")
    assert [app["name"] for app in _apps(run, new, SLIPWAY_SLOT="blue")] == ["api-blue", "queue-blue", "beat-blue"]


def test_a_slot_that_does_not_exist_is_said(familyflow: Settings, run: Run, tmp_path: Path) -> None:
    failed = run("node", "-e", _SHOW, str(_written(familyflow, tmp_path)), SLIPWAY_SLOT="purple")
    assert failed.returncode != 0
    assert "there is no slot purple" in failed.stderr


def test_only_workers_run_several_times_under_pm2(run: Run, tmp_path: Path) -> None:
    """A web service's own server makes its workers: they share one socket."""
    services = raw("services")
    for name in ("api", "worker"):
        services[name] = {**services[name], "replicas": 3}
    apps = _apps(run, _written(stack({"services": services}), tmp_path), SLIPWAY_SLOT="blue")
    assert [app["instances"] for app in apps] == [1, 3, 1]


@pytest.mark.parametrize("variable", ["SECRET_KEY", "REDIS_URL", "SUPABASE_URL"])
def test_pm2_is_told_no_variable(familyflow: Settings, variable: str) -> None:
    """ALL3: PM2 shows and keeps what it is told."""
    text = pm2.ecosystem(familyflow.product)
    assert variable not in text
    assert variables(familyflow)[variable] not in text
