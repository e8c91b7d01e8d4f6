"""The product's processes under PM2. Its daemon belongs to a systemd unit, never to whoever releases."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .commands import Commands
from .run import HostError, run

POLL_SECONDS = 0.5
START_SECONDS = 15
"""For each process of a `pm2 start`, which waits up to listen_timeout (10 s) for it."""
MARGIN_SECONDS = 30
"""What stopping may take beyond the services' own time."""


@dataclass(frozen=True)
class Process:
    """A process as PM2 sees it. `status` is PM2's: online, launching, stopping, stopped, errored, …"""

    name: str
    pid: int
    status: str
    restarts: int

    @property
    def slot(self) -> str:
        """The slot in its name `<service>-<slot>`."""
        return self.name.rpartition("-")[2]


class Pm2:
    """PM2 of the service user with its home in `home`, owned by the systemd unit `unit`."""

    def __init__(self, commands: Commands, home: Path, unit: str) -> None:
        self.commands = commands
        self.home = home
        self.unit = unit
        self.place = home / ".pm2"

    def active(self) -> bool:
        """Whether the daemon runs. Asked first, since PM2 starts a daemon for whatever question it is asked."""
        return run(["systemctl", "is-active", "--quiet", self.unit], accept=(0, 3, 4)).code == 0

    def up(self) -> None:
        """Have the daemon running in its own unit: started from here, it would end with whoever releases."""
        if not self.active():
            run(["systemctl", "reset-failed", self.unit], accept=(0, 1, 5))
            run(["systemctl", "start", self.unit], timeout=300)

    def list(self) -> list[Process]:
        """Every process PM2 knows."""
        stdout = self._pm2("jlist")
        start = stdout.find("[{") if "[{" in stdout else stdout.find("[]")
        if start < 0:
            raise HostError("pm2 jlist gave no list")
        entries = json.loads(stdout[start:])
        return [
            Process(
                name=entry["name"],
                pid=int(entry.get("pid") or 0),
                status=entry["pm2_env"]["status"],
                restarts=int(entry["pm2_env"].get("restart_time", 0)),
            )
            for entry in entries
        ]

    def start(self, ecosystem: Path, slot: str, names: Sequence[str]) -> None:
        """Start these processes of the ecosystem file, in its order, each after the one before is ready."""
        which = ["--only", ",".join(names), "--env", "production"]
        self._pm2("start", str(ecosystem), *which, slot=slot, timeout=MARGIN_SECONDS + START_SECONDS * len(names))
        missing = set(names) - {process.name for process in self.list()}
        if missing:
            raise HostError(f"PM2 did not start {', '.join(sorted(missing))}: {ecosystem.name} does not have it")

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """Stop and forget these processes, all at once; each has its kill_timeout, all have `seconds` and a margin."""
        if names:
            with ThreadPoolExecutor(len(names)) as pool:
                list(pool.map(lambda name: self._delete(name, seconds + MARGIN_SECONDS), names))

    def wait(self, names: Sequence[str], ready: Path, seconds: float) -> None:
        """Wait until every one of these processes has left its mark in `ready`; HostError if one dies or is late."""
        until = time.monotonic() + seconds
        first: dict[str, int] = {}
        while True:
            listed = [process for process in self.list() if process.name in names]
            waiting = set(names) - {process.name for process in listed}
            for process in listed:
                check_alive(process, first)
                if not (ready / f"{process.name}.{process.pid}.ready").exists():
                    waiting.add(process.name)
            if not waiting:
                return
            if time.monotonic() > until:
                raise HostError(f"{', '.join(sorted(waiting))} not ready after {seconds:.0f} seconds")
            time.sleep(POLL_SECONDS)

    def _delete(self, name: str, timeout: float) -> None:
        try:
            self._pm2("delete", name, timeout=timeout)
        except HostError:
            if any(process.name == name for process in self.list()):  # else it went by itself meanwhile
                raise

    def _pm2(self, *arguments: str, slot: str | None = None, timeout: float = 60) -> str:
        environment = self.commands.base() | {"PM2_HOME": str(self.place), "PM2_CONCURRENT_ACTIONS": "1"}
        if slot is not None:
            environment["SLIPWAY_SLOT"] = slot
        code, stdout, stderr = self.commands.output(
            ["pm2", *arguments], cwd=self.home, environment=environment, timeout=timeout
        )
        if code:
            told = [line for line in (stdout + stderr).splitlines() if "ERROR" in line] or [stderr.strip()[-200:]]
            raise HostError(f"pm2 {arguments[0]} failed: {told[0]}")
        return stdout


def check_alive(process: Process, first: dict[str, int]) -> None:
    """HostError if PM2 gave `process` up, or had to start it again twice since `first` saw it."""
    restarts = process.restarts - first.setdefault(process.name, process.restarts)
    if process.status in ("errored", "stopped") or restarts >= 2:
        raise HostError(f"{process.name} does not stay up ({process.status}, {process.restarts} restarts)")
