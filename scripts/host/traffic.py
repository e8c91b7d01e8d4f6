"""What visitors met lately, by nginx's access log: how many requests, which share failed, how long most took."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .release_config import Layout

LOG = Path("/var/log/nginx/access.log")
READING = ("GET", "HEAD", "OPTIONS")
LATELY = 300.0
"""Seconds."""
MOST = 8 << 20
"""Bytes of the log that are read, its last ones: about 30,000 requests."""


@dataclass(frozen=True)
class Traffic:
    """`error_rate` from 0 to 1 are answers of 5xx, `p95_seconds` what 95 of 100 requests took at most."""

    requests: int
    error_rate: float
    p95_seconds: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def since_switch(layout: Layout, log: Path = LOG) -> Traffic:
    """What visitors of the release that serves met, in the last minutes at most."""
    try:
        switched = os.lstat(layout.current).st_mtime
    except OSError:
        switched = 0.0
    return measured(list(_requests(log, max(switched, time.time() - LATELY))))


def measured(requests: list[tuple[int, float]]) -> Traffic:
    """The measures of requests, given as status and seconds."""
    if not requests:
        return Traffic(0, 0.0, 0.0)
    seconds = sorted(took for _, took in requests)
    failed = sum(1 for status, _ in requests if status >= 500)
    return Traffic(len(requests), failed / len(requests), seconds[(len(seconds) * 95 - 1) // 100])


def written(log: Path, since: float) -> list[float]:
    """When each request ended, after `since`, that may have changed something and was not refused or broken."""
    return [
        ended
        for ended, entry in _entries(log)
        if ended > since and str(entry.get("method", "GET")) not in READING and int(entry["status"]) < 500
    ]


def _requests(log: Path, since: float) -> Iterator[tuple[int, float]]:
    """Status and seconds of each request that ended after `since`; WebSockets, which last as they like, are none."""
    for ended, entry in _entries(log):
        if ended > since and int(entry["status"]) != 101:
            yield int(entry["status"]), float(entry["seconds"])


def _entries(log: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """The last requests, each with its end."""
    for line in _tail(log):
        try:
            entry = json.loads(line)
            int(entry["status"]), float(entry["seconds"])
            ended = datetime.fromisoformat(entry["time"]).timestamp()
        except (ValueError, KeyError, TypeError):  # cut off, or another's form
            continue
        yield ended, entry


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MOST))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
