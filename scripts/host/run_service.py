#!/usr/bin/python3
"""What PM2 starts for every service: loads the release's variables, becomes the service, and says when it is ready.

`run_service.py --root /srv/<product> --service api --slot blue`

PM2 and its files never see a secret: the release's `.env` (syntax: dotenv.py) is read here, for the service only.
The process that PM2 knows becomes `bash -c "exec <command>"`, so PM2's signals reach the server itself. What polls for
readiness is a child of init, writes `"ready"` to PM2's channel (NODE_CHANNEL_FD) and a mark into the release's `run`
directory, and ends.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

if not __package__:  # started by its path: the modules beside it are its package all the same
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    __package__ = Path(__file__).resolve().parent.name
    __import__(__package__)

from . import dotenv, probe, release_config
from .commands import PATH
from .procfs import process_start
from .release_config import SOCKET_SERVERS, Config, Service
from .run import HostError

POLL_SECONDS = 0.25
ALIVE_SECONDS = 5.0
"""A service that says neither `health` nor `ready` counts as ready when it has lived this long."""
READY_SECONDS = 10.0
"""One run of a `ready` command."""


class Start:
    """One service of the release that `slot` has now."""

    def __init__(self, root: Path, service: str, slot: str) -> None:
        self.slot = slot
        self.home = (root / "slots" / slot).resolve(strict=True)
        self.config: Config = release_config.load(self.home / "release.json")
        self.service: Service = self.config.service(service)
        self.directory = self.home / "src" / self.service.directory
        self.socket = self.home / "run" / f"{service}.sock"

    def environment(self) -> dict[str, str]:
        """All that the service gets; nothing of PM2's own."""
        variables = dotenv.parse((self.home / ".env").read_text(encoding="utf-8"))
        identity = release_config.identity(self.home)
        search = [str(self.home / "venv" / "bin"), str(self.directory / "node_modules" / ".bin"), PATH]
        fixed = {
            "PATH": ":".join(search),
            "HOME": str(self.config.root),
            "USER": self.config.user,
            "LOGNAME": self.config.user,
            "SLIPWAY_RELEASE": self.home.name,
            "SLIPWAY_COMMIT": identity.get("commit", ""),
            "SLIPWAY_SLOT": self.slot,
            "SLIPWAY_SERVICE": self.service.name,
        }
        defaults = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "VIRTUAL_ENV": str(self.home / "venv")}
        if self.service.runtime == "node":
            defaults["NODE_ENV"] = "production"
        return {**defaults, **variables, **self.service.environment, **fixed, **self._listen()}

    def _listen(self) -> dict[str, str]:
        """Where a web service listens, and for how long it may finish requests once it is told to stop."""
        if self.service.role != "web":
            return {}
        values: dict[str, str] = {}
        if self.service.replicas > 1:
            values["WEB_CONCURRENCY"] = str(self.service.replicas)
        stop_after = str(self.service.stop_after)
        if self.service.server == "gunicorn":
            given = self.service.environment.get("GUNICORN_CMD_ARGS", "")
            ours = f"--bind=unix:{self.socket} --graceful-timeout={stop_after}"
            if any(self.home.glob("venv/lib/python3*/site-packages/gunicorn/ctl")):
                ours += " --no-control-socket"  # of 25 and later: one path in HOME, which two slots would fight for
            return {**values, "GUNICORN_CMD_ARGS": f"{ours} {given}".strip()}
        if self.service.server == "uvicorn":
            return {
                **values,
                "UVICORN_UDS": str(self.socket),
                "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": stop_after,
                "FORWARDED_ALLOW_IPS": "*",  # only nginx can reach the socket
            }
        return {**values, "HOST": "127.0.0.1", "PORT": str(self.service.slot_port(self.slot))}

    def mark(self, pid: int) -> Path:
        """The file that says this very process has been ready."""
        return self.home / "run" / f"{self.service.name}-{self.slot}.{pid}.ready"

    def is_ready(self, environment: Mapping[str, str], alive: float) -> bool:
        """Whether the service does its work, `alive` seconds after its start."""
        if self.service.health is not None:
            target: probe.Target = self.socket
            if self.service.server not in SOCKET_SERVERS:
                target = ("127.0.0.1", self.service.slot_port(self.slot) or 0)
            return probe.service(target, self.service.health, self.config.domain).good
        if self.service.ready is not None:
            return _succeeds(self.service.ready, self.directory, environment)
        return alive >= ALIVE_SECONDS


def _succeeds(command: str, directory: Path, environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=READY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def watch(start: Start, environment: Mapping[str, str], pid: int, channel: int | None) -> None:
    """Poll until the service is ready or gone; tell PM2 and the release."""
    born = process_start(pid)
    began = time.monotonic()
    while process_start(pid) == born and born is not None:
        if start.is_ready(environment, time.monotonic() - began):
            start.mark(pid).touch()
            if channel is not None:
                os.write(channel, b'"ready"\n')
            return
        time.sleep(POLL_SECONDS)


def leave_watcher(start: Start, environment: Mapping[str, str], channel: int | None) -> None:
    """Fork twice: the watcher is nobody's child, so the service never meets a child that it did not start."""
    pid = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    code = 0
    try:
        os.setsid()
        if os.fork() == 0:
            watch(start, environment, pid, channel)
    except BaseException as error:  # never back into the service's own way, whatever happens
        print(f"readiness of {start.service.name} is not watched: {error}", file=sys.stderr, flush=True)
        code = 1
    finally:
        os._exit(code)


def main(argv: list[str]) -> int:
    """Become the service. Returns only if that fails."""
    parser = argparse.ArgumentParser(prog="run_service.py")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--slot", required=True, choices=release_config.SLOTS)
    options = parser.parse_args(argv)
    given = os.environ.get("NODE_CHANNEL_FD", "")
    channel = int(given) if given.isdigit() else None
    try:
        start = Start(options.root, options.service, options.slot)
        environment = start.environment()
        start.mark(os.getpid()).unlink(missing_ok=True)
        leave_watcher(start, environment, channel)
        if channel is not None:
            os.close(channel)
        os.chdir(start.directory)
        os.umask(0o027)
        os.execve("/bin/bash", ["bash", "-c", f"exec {start.service.command}"], environment)  # noqa: S606
    except (HostError, OSError) as error:
        print(f"{options.service}: {error}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
