"""What a release tells: short lines to whoever watches, everything to its log, no secret to either."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import TextIO

from .mask import Masker

TAIL = 20
"""Lines of a failed step's log that are shown."""
LOOKED_THROUGH = 400
"""Lines of a failed service's log in which the cause is looked for: each question for its health may add some."""
_PASSING = re.compile(r"\d{2,4}(?:[-:/.,]\d{2,})+Z?|\b[0-9a-f-]{8,}\b|\[\d+\]|:\d{4,5}\b")
"""What differs from one time to the next: times, ids, numbers of processes, ports."""


def distinct(lines: Sequence[str]) -> list[str]:
    """Each line once, as it was written last, and how often: what is said at each question hides not what it is of."""
    told: dict[str, tuple[str, int]] = {}
    for line in lines:
        alike = _PASSING.sub("#", line)
        told[alike] = line, told.get(alike, ("", 0))[1] + 1
    return [line if times == 1 else f"{line} ({times} times)" for line, times in told.values()]


class Progress:
    """The log of one release and its watcher. The watcher may leave (a dropped connection): the release goes on."""

    def __init__(self, log: Path | None, masker: Masker | None = None, out: TextIO | None = None) -> None:
        self.masker = masker or Masker()
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._out: TextIO | None = sys.stdout if out is None else out
        self._log: RawIOBase | None = None
        if log is not None:
            self.open(log)

    def open(self, log: Path) -> None:
        """Write everything from now on to the file `log`, readable by root alone.

        A disk on which it can't be written is no reason to fail: least of all while something is being undone there.
        """
        with suppress(OSError):
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            self._log = os.fdopen(descriptor, "ab", buffering=0)

    def close(self) -> None:
        """Log no more."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def complain(self, line: str, tail: Sequence[str]) -> None:
        """Show why it failed, and what was written last."""
        self.log(line)
        try:
            lines = [line, *(f"    {told}" for told in tail)]
            print(*map(self.masker, lines), sep="\n", file=sys.stderr, flush=True)
        except OSError:  # whoever watched is gone; the log has it
            self._out = None

    def say(self, line: str) -> None:
        """Show a line, and log it."""
        self.log(line)
        if self._out is None:
            return
        try:
            print(self.masker(line), file=self._out, flush=True)
        except OSError:  # whoever watched is gone
            self._out = None

    def log(self, line: str) -> None:
        """Log a line, and keep it for the tail of a failure."""
        line = self.masker(line.rstrip())
        self.tail.append(line)
        if self._log is not None:
            with suppress(OSError):
                self._log.write(f"{time.strftime('%H:%M:%SZ', time.gmtime())} {line}\n".encode())

    def locked(self) -> None:
        """The host's lock is ours: for whoever leads a fleet."""

    def begin(self, step: str) -> None:
        """A new step: the tail is its own."""
        self.log(f"step {step}")
        self.tail.clear()

    def end(self, step: str, seconds: float) -> None:
        """A step that did something has come to its end."""
        self.say(f"{step:<12} {seconds:6.1f} s")
