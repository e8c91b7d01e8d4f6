"""What a release is about to do, written before it does it, so that whoever comes after a crash knows where it was."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from . import durable

STEPS = (
    "preflight",
    "fetch",
    "environment",
    "install",
    "build",
    "migrate",
    "start",
    "health",
    "workers",
    "scheduler",
    "switch",
    "verify",
    "after-switch",
    "drain",
    "stop",
    "prune",
)
"""Every step in order. Builds come before migrations, so that a failing build leaves the database alone."""

SWITCH = STEPS.index("switch")
"""From here on the new release has been healthy: an interrupted release goes on instead of back."""
NO_WAY_BACK = STEPS.index("stop")
"""From here on the old release is being stopped: a failure is told, and the new release stays."""


@dataclass(frozen=True)
class State:
    """A release under way. `slot` is where the new release goes, `old_slot` what served before (None: nothing did).

    `kept` says that the release directory was there before (a rollback) and outlives a failure; `slot_had` is the
    release that `slot` had before. `returning` is the reason, once it has been decided to go back to the old release.
    """

    release: str
    commit: str
    revision: str
    owner: str
    slot: str
    old_slot: str | None
    old_release: str | None
    slot_had: str | None
    boot: str
    step: str = "preflight"
    kind: str = "release"
    kept: bool = False
    returning: str | None = None

    @property
    def reached(self) -> int:
        """The index of the step that was begun last."""
        return STEPS.index(self.step)


class StateFile:
    """The one state that a host has, or none."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state.json"

    def load(self) -> State | None:
        """The release that is or was under way, None if the last one came to its end."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        data = json.loads(text)
        return State(**{key: value for key, value in data.items() if key in State.__dataclass_fields__})

    def save(self, state: State) -> None:
        """Have `state` on disk before this returns."""
        durable.write(self.path, json.dumps(dataclasses.asdict(state), indent=1) + "\n")

    def clear(self) -> None:
        """Say that nothing is under way."""
        durable.remove(self.path)
