"""What a fleet's release tells: short lines with the host in front, a sign of life while something takes long."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

QUIET_SECONDS = 5.0
"""How long nothing may be said while something is done."""


class Progress:
    """Lines for whoever watches; they may leave (a closed pipe), and the release goes on."""

    def __init__(self, out: TextIO | None = None, errors: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._errors = errors or sys.stderr
        self._doing: dict[str, tuple[str, float]] = {}
        self._said = 0.0

    def say(self, line: str) -> None:
        """Show a line."""
        self._said = _now()
        _print(self._out, [line])

    def complain(self, line: str, tail: Sequence[str] = ()) -> None:
        """Show why something failed, and what the host wrote last."""
        self._said = _now()
        _print(self._errors, [line, *(f"    {told}" for told in tail)])

    def begin(self, host: str, what: str) -> None:
        """A host has begun something."""
        self._doing[host] = (what, _now())

    def end(self, host: str) -> None:
        """A host is done with what it had begun."""
        self._doing.pop(host, None)

    def heard(self, host: str, line: Mapping[str, Any]) -> None:
        """A host has said something while it does a verb: which step begins, how long one took, or just words."""
        if "begin" in line:
            self.begin(host, str(line["begin"]))
        elif "step" in line:
            self.say(f"{host}: {line['step']:<12} {float(line.get('seconds', 0)):6.1f} s")
        elif "say" in line:
            self.say(f"{host}: {line['say']}")

    async def tick(self) -> None:
        """Say what is being done whenever nothing has been said for a while. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(1)
            if self._doing and _now() - self._said >= QUIET_SECONDS:
                doing = (f"{host}: {what} ({_now() - since:.0f} s)" for host, (what, since) in self._doing.items())
                self.say(f"… {', '.join(doing)}")

    def table(self, rows: Mapping[str, str]) -> None:
        """Which release each host has."""
        width = max(map(len, rows), default=0)
        for host, release in rows.items():
            self.say(f"{host:<{width}}  {release}")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _print(out: TextIO, lines: list[str]) -> None:
    try:
        print(*lines, sep="\n", file=out, flush=True)
    except (OSError, ValueError):  # whoever watched is gone
        return
