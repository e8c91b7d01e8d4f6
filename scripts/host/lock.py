"""One release at a time: a directory that names its owner, is known to be stale, and can be taken over on purpose."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import durable
from .procfs import boot_id, end_marked, process_start
from .run import HostError

ENDING_SECONDS = 5
"""How long killed processes may take to be gone."""
TOKEN_VARIABLE = "SLIPWAY_COORDINATOR"  # noqa: S105  (a name)
"""Names the lock's token in the environment of every command that a release starts."""


@dataclass(frozen=True)
class Lease:
    """The lock for a release of a whole `fleet`: between its commands nobody runs here, and it is held for `seconds`.

    With `urgent` a command of the same release that still runs is ended; without, it is somebody who holds the lock.
    """

    fleet: str
    seconds: float
    urgent: bool = False


@dataclass(frozen=True)
class Owner:
    """Who holds the lock. A process is known by pid, its start (clock ticks since boot) and the boot it lives in.

    A `fleet`'s release holds it until `expires` (seconds since the epoch), whether a process of it runs or not.
    """

    owner: str
    host: str
    pid: int
    ticks: int
    boot: str
    started: float
    token: str
    step: str = ""
    fleet: str = ""
    expires: float = 0.0

    def running(self) -> bool:
        """Whether the process that took the lock still runs."""
        return self.boot == boot_id() and process_start(self.pid) == self.ticks

    def alive(self) -> bool:
        """Whether the lock is held."""
        return self.running() or (self.fleet != "" and time.time() < self.expires)

    def has(self, lease: Lease, owner: str) -> bool:
        """Whether this is that owner with the same fleet's release."""
        return self.fleet == lease.fleet and self.owner == owner

    def describe(self) -> str:
        """Who, since when, and doing what."""
        doing = f" (step {self.step})" if self.step else ""
        return f"{self.owner} since {age(time.time() - self.started)}{doing}"


class LockError(HostError):
    """Somebody else is releasing."""


class Lock:
    """The lock directory. It appears by one rename with its owner inside, so it is never without one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "lock"
        self.mine: Owner | None = None

    def holder(self) -> Owner | None:
        """Who has the lock, None if nobody has."""
        try:
            data = json.loads((self.path / "owner.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return Owner(**{key: value for key, value in data.items() if key in Owner.__dataclass_fields__})

    def acquire(self, owner: str, take_over: bool = False, lease: Lease | None = None) -> Owner | None:
        """Take the lock; the owner that it was taken from, if there was a stale one or `take_over` fenced one.

        With a `lease` also from an earlier command of the same release. LockError names the owner if another release
        is under way.
        """
        with self._alone():
            former = self.holder()
            if former is not None and not take_over and _refuses(former, owner, lease):
                raise LockError(f"release in progress: {former.describe()}; take over with --take-over")
            if former is not None:
                fence(former)
            ours = former is not None and lease is not None and former.has(lease, owner)
            self._discard()
            self._put(owner, lease, former.started if former is not None and ours else time.time())
        return former

    def at(self, step: str) -> None:
        """Write down which step is under way. LockError if the lock is no longer ours: nothing more may be done."""
        with self._alone():
            mine, holder = self.check()
            # as it was renewed meanwhile: to whoever waits, a time that moves is an owner that lives
            self.mine = replace(mine, step=step, expires=holder.expires)
            durable.write(self.path / "owner.json", json.dumps(asdict(self.mine)))

    def check(self) -> tuple[Owner, Owner]:
        """Who we are as we took it, and as it is written down. LockError if somebody took the lock over."""
        holder = self.holder()
        if self.mine is None or holder is None or holder.token != self.mine.token:
            raise LockError(f"the lock was taken over by {holder.describe() if holder else 'somebody'}")
        return self.mine, holder

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        with self._alone():
            holder = self.holder()
            if self.mine is not None and holder is not None and holder.token == self.mine.token:
                self._discard()
            self.mine = None

    def renew(self, owner: str, lease: Lease) -> None:
        """Let that owner's lock for this release hold on, whoever of it asks; nothing if it is another's, or gone."""
        with self._alone():
            holder = self.holder()
            if holder is not None and holder.has(lease, owner):
                kept = replace(holder, expires=time.time() + lease.seconds)
                durable.write(self.path / "owner.json", json.dumps(asdict(kept)))

    def keep(self, lease: Lease) -> None:
        """Leave the lock to the next command of the same release, if it is still ours."""
        with self._alone():
            holder = self.holder()
            if self.mine is not None and holder is not None and holder.token == self.mine.token:
                kept = replace(self.mine, expires=time.time() + lease.seconds)
                durable.write(self.path / "owner.json", json.dumps(asdict(kept)))
            self.mine = None

    def _put(self, owner: str, lease: Lease | None, since: float) -> None:
        self.mine = Owner(
            owner=owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            ticks=process_start(os.getpid()) or 0,
            boot=boot_id(),
            started=since,
            token=secrets.token_hex(16),
            fleet=lease.fleet if lease else "",
            expires=time.time() + lease.seconds if lease else 0.0,
        )
        beside = self.directory / f".lock.{self.mine.token}"
        beside.mkdir(mode=0o700)
        durable.write(beside / "owner.json", json.dumps(asdict(self.mine)))
        beside.rename(self.path)
        durable.sync_directory(self.directory)

    def free(self, force: bool) -> tuple[bool, Owner | None]:
        """Take the lock from an owner that is gone, or from any with `force`: (whether it is free now, who held it).

        What the owner started is ended first, be the owner itself alive or not: its build may have outlived it.
        """
        with self._alone():
            holder = self.holder()
            if holder is None or (holder.alive() and not force):
                return holder is None, holder
            fence(holder)
            self._discard()
            return True, holder

    def _discard(self) -> None:
        for left in self.directory.glob(".lock.*"):
            shutil.rmtree(left, ignore_errors=True)
        if self.path.exists():
            away = self.directory / f".lock.{secrets.token_hex(8)}"
            self.path.rename(away)
            shutil.rmtree(away)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that find the same stale lock must not both break it: the second would break the first's new one."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "lock.guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _refuses(holder: Owner, owner: str, lease: Lease | None) -> bool:
    """Whether `holder` keeps `owner` out."""
    if lease is not None and holder.has(lease, owner):
        return holder.running() and not lease.urgent
    return holder.alive()


def fence(owner: Owner) -> None:
    """End the release of `owner` with everything it started: it must do nothing more once somebody else begins.

    Its commands are sessions of their own; they are known by the token in their environment. Services that it started
    are not among them (run_service gives them a clean environment): whether they stay is the state's matter.
    """
    if owner.boot != boot_id():
        return
    if owner.running():
        os.kill(owner.pid, signal.SIGKILL)  # not SIGTERM: it would undo things while its successor does the same
    until = time.monotonic() + ENDING_SECONDS
    while owner.running() or end_marked([f"{TOKEN_VARIABLE}={owner.token}"]):
        if time.monotonic() > until:
            raise LockError(f"the release of {owner.owner} (process {owner.pid}) does not end")
        time.sleep(0.05)


def age(seconds: float) -> str:
    """`seconds` as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def main(argv: list[str], directory: Path = Path("/var/lib/slipway")) -> int:
    """`slipway unlock [--force]`: remove a lock whose owner is gone; with --force end the owner first."""
    freed, holder = Lock(directory).free(force="--force" in argv)
    if holder is None:
        print("nobody holds the lock")
    elif not freed:
        print(f"release in progress: {holder.describe()}; end it with --force", file=sys.stderr)
        return 1
    else:
        print(f"removed the lock of {holder.describe()}; `slipway recover` finishes or undoes what it left")
    return 0
