"""What is shown of a failed service's log (FF8): the cause, however often the question for its health was asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.host.progress import TAIL, Progress, distinct
from scripts.host.release_config import BaseService
from scripts.host.run import HostError
from scripts.host.slot_effects import SlotEffects


def test_what_is_said_at_each_question_is_shown_once_with_how_often() -> None:
    polled = [
        f"2026-11-26T13:35:{second:02d}+0000 [17{second}] ERROR request 9f86d081{second}: 500" for second in range(30)
    ]
    cause = [
        "Traceback (most recent call last):",
        '  File "models.py", line 10, in save',
        '  File "models.py", line 20, in save',
    ]
    assert distinct([*cause, *polled]) == [*cause, f"{polled[-1]} (30 times)"]


@pytest.mark.parametrize(
    "same", [("took 3 s", "took 4 s"), ("worker 1 failed", "worker 2 failed"), ("line 10", "line 20")]
)
def test_what_differs_is_not_the_same(same: tuple[str, str]) -> None:
    assert distinct(same) == list(same)


def test_a_service_that_writes_much_leaves_room_for_the_others() -> None:
    """The cause is the first one's, and the last one is the loud one."""
    logs = {
        "api": ["no such table: children"] + ["at 10:00:00 GET /api/health/ 500"] * 100,
        "worker": [f"{word} is ready" for word in "abcdefghijklmnopqrstuvwxyz"],
    }
    progress = Progress(None)
    effects = SimpleNamespace(progress=progress, written=lambda service, slot: logs[service])
    services = [cast(BaseService, SimpleNamespace(name=name)) for name in logs]
    with pytest.raises(HostError), SlotEffects.shown(cast("SlotEffects[Any]", effects), services, "blue"):
        raise HostError("api: /api/health/ answered 500")
    assert list(progress.tail)[:2] == [
        "api: no such table: children",
        "api: at 10:00:00 GET /api/health/ 500 (100 times)",
    ]
    assert len(progress.tail) <= TAIL
