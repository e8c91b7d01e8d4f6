"""The host that a manifest is applied to: its root, what changed on it, and what must not be shown."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable
from typing import TextIO

from .run import HostError, Result, run

STATE = "/var/lib/slipway"
"""Where the host remembers what it has still to do."""

LOCK = STATE + "/apply.lock"
LOCK_WAIT = 600
"""Seconds that one apply waits for another: longer than an apply takes on a fresh host."""

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
        self._private: list[str] = []
        self._lock: TextIO | None = None

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
        self.changes += 1
        self._say(f"changed: {what}")

    def note(self, line: str) -> None:
        """Say something that is not a change. What a program wrote has been masked where it was run."""
        self._say(line)

    def _say(self, line: str) -> None:
        if self.out is not None:
            print(line, file=self.out, flush=True)

    def keep_private(self, private: Iterable[str], public: Iterable[str]) -> None:
        """Words of the `private` texts are masked in what is shown later, also where a program repeats them.

        Words that the `public` texts have as well (a domain, a path) are not: masking them would hide what went wrong.
        """
        words = {word for text in private for word in _WORD.findall(text)}
        known = {word for text in public for word in _WORD.findall(text)}
        self._private = sorted(words - known, key=len, reverse=True)

    def mask(self, line: str) -> str:
        """`line` without a word of a private text."""
        for word in self._private:
            line = line.replace(word, _MASK)
        return line

    def lock(self) -> None:
        """Be the only one who changes this host until this process ends, however it ends. HostError after LOCK_WAIT."""
        path = self.at(LOCK)
        os.makedirs(self.at(STATE), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._lock = os.fdopen(descriptor, "w")
        until = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    raise HostError(f"another apply has been running on this host for {LOCK_WAIT} seconds") from None
                time.sleep(0.5)


def in_container() -> bool:
    """Whether this host is a container (a local host), where the kernel's own settings are not ours to change."""
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    try:
        with open("/proc/1/environ", "rb") as environ:
            return b"container=" in environ.read()
    except OSError:
        return False
