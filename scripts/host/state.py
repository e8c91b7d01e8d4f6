"""What a release is about to do, written before it does it, so that whoever comes after a crash knows where it was."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    A release from images has them all. One of a `fleet` runs in segments, of which `done` is the last that came to its
    end; only the `leader` has what a fleet has once; `committed` says that no host goes back any more.
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
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    fleet: bool = False
    leader: bool = True
    committed: bool = False
    done: str = ""

    @property
    def reached(self) -> int:
        """The index of the step that was begun last."""
        return STEPS.index(self.step)

    def in_fleet(self, release: str) -> bool:
        """Whether this is that release of the fleet."""
        return self.fleet and self.release == release

    @property
    def way_back(self) -> bool:
        """Whether a failure is undone. Without one it is told, and the new release stays."""
        return self.reached < NO_WAY_BACK and not self.committed

    @property
    def decided(self) -> bool:
        """Whether the release goes on if it is interrupted: in a fleet that is for all hosts together to say."""
        return self.committed if self.fleet else self.reached >= SWITCH

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return dataclasses.asdict(self)

    def facts(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        names = ("release", "commit", "revision", "owner", "kind", "slot")
        facts: dict[str, Any] = {name: str(getattr(self, name)) for name in names}
        if self.images:
            facts |= {"images": self.images, "services": self.services, "versions": self.versions}
        return facts


def steps_of(state: State) -> frozenset[str]:
    """The steps that this release takes. A return to a release that is still there builds and migrates nothing.

    One that has to be built again does not migrate either: the database is ahead of it, and it must live with that.
    In a fleet one host runs the jobs for all.
    """
    skipped: set[str] = set()
    if not state.leader:
        skipped |= {"migrate", "after-switch"}
    if state.kind == "rollback":
        skipped |= {"migrate", "after-switch"}
    if state.kept:
        skipped |= {"fetch", "environment", "install", "build"}
    if state.old_slot is None:
        skipped |= {"drain", "stop"}
    return frozenset(STEPS) - skipped


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
        durable.write(self.path, json.dumps(state.as_dict(), indent=1) + "\n")

    def clear(self) -> None:
        """Say that nothing is under way."""
        durable.remove(self.path)
