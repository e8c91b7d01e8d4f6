"""The host that a manifest is applied to: its root, what changed on it, and what must not be shown."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from .run import HostError, Result, run

STATE = "/var/lib/slipway"
"""Where the host remembers what it has still to do."""

LOCK = STATE + "/apply.lock"
LOCK_WAIT = 600.0
"""Seconds that one apply waits for another: longer than an apply takes on a fresh host."""


class BusyError(HostError):
    """Somebody else changes this host."""


_WORD = re.compile(r"[^\s\"'=:@/,;]{8,}")
_MASK = "***"


class Host:
    """A host and the record of what was changed on it.

    `root` is "/" on a host and a directory in tests. `run` starts a program there. Lines go to `out` at once, so that
    whoever watches sees how far it is.
    """

    def __init__(self, root: str = "/", out: TextIO | None = None) -> None:
        self.root = root
        self.out = out
        self.changes = 0
        self.started: set[str] = set()
        self._saying = threading.Lock()  # Node is fetched while packages are installed
        self._private: list[str] = []
        self._public: list[str] = []
        self._words: list[str] | None = None

    def at(self, path: str) -> str:
        """The real path of the absolute `path` on this host."""
        return path if self.root == "/" else self.root.rstrip("/") + path

    def run(self, argv: list[str], **options: object) -> Result:
        """Run a program on this host (see run.run); its output is masked if it fails."""
        try:
            return run(argv, **options)  # type: ignore[arg-type]
        except HostError as error:
            raise HostError(self.mask(error.reason), [self.mask(line) for line in error.tail]) from None

    def changed(self, what: str) -> None:
        """Count a change and say it. `what` names things (a path, a package, a unit), never what is in them."""
        with self._saying:
            self.changes += 1
            self._say(f"changed: {what}")

    def note(self, line: str) -> None:
        """Say something that is not a change. What a program wrote has been masked where it was run."""
        with self._saying:
            self._say(line)

    def _say(self, line: str) -> None:
        if self.out is not None:
            print(line, file=self.out, flush=True)

    def keep_private(self, private: Iterable[str], public: Iterable[str]) -> None:
        """Words of the `private` texts are masked in what is shown later, also where a program repeats them.

        What the `public` texts have as well (a domain, a path) is not: masking it would hide what went wrong.
        """
        self._private, self._public = list(private), list(public)
        self._words = None

    def mask(self, line: str) -> str:
        """`line` without a word of a private text."""
        if self._words is None:  # only when something has gone wrong, so that a run that changes nothing does not pay
            public = "\n".join(self._public)
            found = {word for text in self._private for word in _WORD.findall(text)}
            self._words = sorted((word for word in found if word not in public), key=len, reverse=True)
        for word in self._words:
            line = line.replace(word, _MASK)
        return line

    @contextlib.contextmanager
    def lock(self, wait: float = LOCK_WAIT) -> Iterator[None]:
        """Be the only one who changes this host; the kernel ends that with the process. BusyError after `wait` s."""
        os.makedirs(self.at(STATE), mode=0o700, exist_ok=True)
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.at(LOCK), flags, 0o600)
        try:
            until = time.monotonic() + wait
            while not _locked(descriptor):
                if time.monotonic() > until:
                    raise BusyError(f"another apply has been running on this host for {wait:.0f} seconds")
                time.sleep(0.5)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def in_container() -> bool:
    """Whether this host is a container (a local host), where the kernel's own settings are not ours to change."""
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    try:
        with open("/proc/1/environ", "rb") as environ:
            return b"container=" in environ.read()
    except OSError:
        return False
