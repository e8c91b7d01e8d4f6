"""What PM2 starts: the service gets the release's variables and nothing else, and says when it is ready (FF3)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.host import run_service

SCRIPT = Path(run_service.__file__)
COMMIT = "c" * 40
ID = "20261121T100000-cccccccc"
SAY = "import json,os,time; print(json.dumps(dict(os.environ)), flush=True); time.sleep(60)"


def release(root: Path, **service: Any) -> Path:
    """A release in the green slot with one service `api` or whatever `service` says."""
    home = root / "releases" / ID
    (home / "src" / "backend").mkdir(parents=True)
    (home / "run").mkdir()
    (root / "slots").mkdir()
    (root / "slots" / "green").symlink_to(f"../releases/{ID}")
    (home / ".env").write_text('SECRET_KEY="a \\$ecret"\nPATH=/nowhere\nPORT=1\nSHARED=env\n')
    (home / "identity.json").write_text(json.dumps({"release": ID, "commit": COMMIT, "revision": "1"}))
    entry = {"name": "api", "role": "web", "runtime": "python", "directory": "backend", "command": "true", **service}
    config = {
        "product": "tiny",
        "user": "tiny",
        "root": str(root),
        "domain": "tiny.example.com",
        "repository": "https://example.com/tiny.git",
        "services": [entry],
    }
    (home / "release.json").write_text(json.dumps(config))
    return home


def started(root: Path, service: str = "api") -> tuple[subprocess.Popen[bytes], int]:
    """The wrapper as PM2 starts it, and our end of its channel."""
    ours, theirs = os.pipe()
    of_pm2 = {"NODE_CHANNEL_FD": str(theirs), "PM2_HOME": "/x", "SLIPWAY_COORDINATOR": "x"}
    environment = {"PATH": os.environ["PATH"], **of_pm2}
    argv = [sys.executable, str(SCRIPT), "--root", str(root), "--service", service, "--slot", "green"]
    process = subprocess.Popen(argv, env=environment, pass_fds=[theirs], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    return process, ours


def variables(root: Path, **service: Any) -> dict[str, str]:
    """What a service of this kind finds in its environment."""
    release(root, **service)
    return run_service.Start(root, service.get("name", "api"), "green").environment()


def test_a_service_gets_its_releases_variables_and_nothing_of_pm2s(tmp_path: Path) -> None:
    home = release(tmp_path, command=f"{sys.executable} -c '{SAY}'", environment={"SHARED": "service"}, ready="true")
    process, channel = started(tmp_path)
    with process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        assert os.read(channel, 100) == b'"ready"\n'
        assert (home / "run" / f"api-green.{process.pid}.ready").exists()
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM, "the process that PM2 knows is the server itself"
    os.close(channel)
    assert found["SECRET_KEY"] == "a $ecret"
    assert found["SHARED"] == "service"
    assert (found["SLIPWAY_RELEASE"], found["SLIPWAY_COMMIT"], found["SLIPWAY_SLOT"]) == (ID, COMMIT, "green")
    assert found["PWD"] == str(home / "src" / "backend")
    assert found["PATH"].split(":")[0] == str(home / "venv" / "bin")
    assert "/nowhere" not in found["PATH"]
    assert not {"NODE_CHANNEL_FD", "PM2_HOME", "SLIPWAY_COORDINATOR"} & set(found)


def test_a_service_that_is_never_ready_never_says_so(tmp_path: Path) -> None:
    home = release(tmp_path, role="worker", command="sleep 60", ready="test -e flag")
    process, channel = started(tmp_path)
    os.set_blocking(channel, False)
    with process:
        time.sleep(1.5)
        with pytest.raises(BlockingIOError):
            os.read(channel, 100)
        (home / "src" / "backend" / "flag").touch()
        os.set_blocking(channel, True)
        assert os.read(channel, 100) == b'"ready"\n'
        process.kill()
    os.close(channel)


def test_the_watcher_ends_with_the_service(tmp_path: Path) -> None:
    """Else a service that restarts for ever would leave a watcher each time."""
    release(tmp_path, role="worker", command="true", ready="false")
    process, channel = started(tmp_path)
    assert process.wait(10) == 0
    assert os.read(channel, 100) == b"", "nobody has the channel any more"
    os.close(channel)
    process.communicate()


def test_a_web_service_is_told_where_to_listen(tmp_path: Path) -> None:
    gunicorn = variables(tmp_path / "a", server="gunicorn", health="/", port=8000, stop_after=40, replicas=3)
    socket = tmp_path / "a" / "releases" / ID / "run" / "api.sock"
    assert gunicorn["GUNICORN_CMD_ARGS"] == f"--bind=unix:{socket} --graceful-timeout=40"
    assert gunicorn["WEB_CONCURRENCY"] == "3"
    uvicorn = variables(tmp_path / "b", server="uvicorn", health="/", port=8000)
    assert uvicorn["UVICORN_UDS"].endswith("run/api.sock")
    node = variables(tmp_path / "c", server=None, runtime="node", health="/", port=8000)
    assert (node["PORT"], node["HOST"], node["NODE_ENV"]) == ("9000", "127.0.0.1", "production")
    worker = variables(tmp_path / "d", role="worker")
    assert worker["PORT"] == "1", "only a web service is told a port"


def test_a_mistake_is_one_line_without_a_value(tmp_path: Path) -> None:
    home = release(tmp_path)
    (home / ".env").write_text("SECRET_KEY=two words\n")
    process, channel = started(tmp_path)
    _, complaint = process.communicate(timeout=10)
    os.close(channel)
    assert process.returncode == 1
    assert complaint.decode() == "api: .env line 1 is not NAME=value as this reader knows it\n"
