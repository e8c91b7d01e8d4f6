"""What whoever leads a fleet has to know of a host before it decides. It asks no process and changes nothing."""

from __future__ import annotations

from typing import Any

from . import read_only, traffic
from .ledger import Ledger, Summary
from .lock import Lock
from .release_config import Layout
from .slots import Slots
from .state import StateFile

RELEASED = 50
"""Releases that a host tells of: more than it keeps, and than anybody returns to."""


def status(layout: Layout) -> dict[str, Any]:
    """What serves, what is under way, what has served (oldest first), who has the lock, what visitors met lately."""
    slots = Slots(layout)
    live = slots.live()
    state = StateFile(layout.state).load()
    holder = Lock(layout.state).holder()
    found = traffic.since_switch(layout) if live else None
    return {
        "live": slots.release(live) if live else None,
        "state": state.as_dict() if state else None,
        "released": [_known(summary) for summary in _newest(Ledger(layout.state).released())],
        "lock": {"owner": holder.owner, "alive": holder.alive(), "expires": holder.expires or None} if holder else None,
        "traffic": found.as_dict() if found else None,
        "read_only": read_only.since(layout),
    }


def _newest(summaries: list[Summary]) -> list[Summary]:
    """Each release once, as it served last."""
    last = {summary.release: summary for summary in summaries}
    return [summary for summary in summaries if last[summary.release] is summary][-RELEASED:]


def _known(summary: Summary) -> dict[str, Any]:
    names = ("release", "commit", "revision", "images", "services", "versions", "kind", "started", "ended")
    return {name: getattr(summary, name) for name in names}
