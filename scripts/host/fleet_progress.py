"""What a fleet's release tells on one host: the same as any other, as lines of JSON for whoever leads it."""

from __future__ import annotations

import json
from typing import Any

from .progress import Progress


class FleetProgress(Progress):
    """The log of one segment, and lines of JSON for its watcher, who may leave."""

    def __init__(self) -> None:
        super().__init__(None)

    def say(self, line: str) -> None:
        """Pass a line on, and log it."""
        self.log(line)
        self._tell(say=self.masker(line))

    def locked(self) -> None:
        """From here on the lock may be renewed."""
        self._tell(holds=True)

    def begin(self, step: str) -> None:
        """See Progress."""
        super().begin(step)
        self._tell(begin=step)

    def end(self, step: str, seconds: float) -> None:
        """See Progress."""
        self.log(f"{step:<12} {seconds:6.1f} s")
        self._tell(step=step, seconds=round(seconds, 2))

    def _tell(self, **facts: Any) -> None:
        try:
            tell(**facts)
        except OSError:  # whoever watched is gone, the release goes on
            return


def tell(**facts: Any) -> None:
    """Write one line of JSON."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)
