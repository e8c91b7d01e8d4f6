"""How a check says what it saw: each expectation is a line, true or not, with what was seen where it was not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.checks.scene import Scene


@dataclass(frozen=True)
class Line:
    """One expectation. `holds` is None for what this machine can't show, which is listed and counts neither way."""

    holds: bool | None
    text: str
    seen: str = ""


@dataclass
class Result:
    """What one check saw, and the seconds that it took."""

    number: int
    title: str
    lines: list[Line] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether something was expected, and all of it held."""
        return any(line.holds for line in self.lines) and all(line.holds is not False for line in self.lines)

    def expect(self, text: str, holds: bool, seen: object = "") -> bool:
        """Note an expectation; `seen` is shown where it does not hold."""
        self.lines.append(Line(bool(holds), text, "" if holds else str(seen).strip()[:800]))
        return bool(holds)

    def cannot(self, text: str) -> None:
        """Note what this machine can't show."""
        self.lines.append(Line(None, text))


@dataclass(frozen=True)
class Check:
    """One numbered check. `basic` ones run at every rehearsal."""

    number: int
    title: str
    basic: bool
    look: Callable[[Scene, Result], None]

    def run(self, scene: Scene) -> Result:
        """Look, and say what was seen. An exception is an expectation that did not hold."""
        result = Result(self.number, self.title)
        begun = time.monotonic()
        try:
            self.look(scene, result)
        except Exception as error:  # whatever breaks a check is what it has to report
            result.expect("the check could be carried out", False, f"{type(error).__name__}: {error}")
        result.seconds = time.monotonic() - begun
        return result


def eventually(condition: Callable[[], bool], seconds: float, every: float = 0.5) -> bool:
    """Whether `condition` becomes true within so many seconds. An OSError counts as not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return True
        except (OSError, ValueError, EOFError):
            pass
        if time.monotonic() > end:
            return False
        time.sleep(every)
