"""The ledger: one JSON line for each thing that happened to a release, only ever appended to."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FINAL = ("released", "failed")
"""Events that end a release; the others (started, step) tell how far it came."""


@dataclass(frozen=True)
class Summary:
    """A release as the ledger tells it. `outcome` is released, failed, or under way; times are UTC, ISO 8601.

    One from images has them, which service runs which, and the tag that each had.
    """

    release: str
    commit: str
    revision: str
    owner: str
    kind: str
    started: str
    outcome: str = "under way"
    ended: str = ""
    slot: str = ""
    step: str = ""
    reason: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def now() -> str:
    """This moment in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Ledger:
    """The file ledger.jsonl in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.jsonl"

    def append(self, event: str, **facts: Any) -> None:
        """Add one line, on disk before this returns. A line that a power loss cut off is ended first."""
        line = json.dumps({"at": now(), "event": event, **facts}, ensure_ascii=False) + "\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = "\n" + line
            left = line.encode()
            while left:  # near a full disk a write may be short; the next one says so
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every whole line, the oldest first."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # cut off by a power loss
                continue
            if isinstance(entry, dict):
                yield entry

    def summaries(self) -> list[Summary]:
        """One summary per attempt, the oldest first. A release that was returned to has several."""
        found: list[Summary] = []
        for entry in self.entries():
            if entry.get("event") == "started":
                found.append(_started(entry))
            elif found and entry.get("release") == found[-1].release and entry.get("event") in FINAL:
                found[-1] = replace(
                    found[-1],
                    outcome=entry["event"],
                    ended=entry["at"],
                    step=entry.get("step", ""),
                    reason=entry.get("reason", ""),
                )
        return found

    def released(self) -> list[Summary]:
        """Attempts that ended well, the oldest first: the last one is what serves."""
        return [summary for summary in self.summaries() if summary.outcome == "released"]


def _started(entry: dict[str, Any]) -> Summary:
    facts: dict[str, Any] = {}
    facts |= {key: str(entry.get(key, "")) for key in ("release", "commit", "revision", "owner", "kind", "slot")}
    facts |= {key: entry.get(key, {}) for key in ("images", "services", "versions")}
    return Summary(started=entry["at"], **facts)


def main(argv: list[str], directory: Path = Path("/var/lib/slipway")) -> int:
    """`slipway ledger [--json]`: what happened to each release, the newest last."""
    ledger = Ledger(directory)
    if "--json" in argv:
        for entry in ledger.entries():
            print(json.dumps(entry, ensure_ascii=False))
        return 0
    summaries = ledger.summaries()
    if not summaries:
        print("no release yet")
    for summary in summaries:
        why = f" at step {summary.step}: {summary.reason}" if summary.outcome == "failed" else ""
        note = f" ({summary.reason})" if summary.outcome == "released" and summary.reason else ""
        versions = "".join(f"  {image} {version}" for image, version in sorted(summary.versions.items()))
        print(
            f"{summary.started}  {summary.release:<24}  {summary.kind:<8}  {summary.slot:<5}  {summary.owner:<20}  "
            f"{summary.outcome}{why}{note}{versions}",
            file=sys.stdout,
        )
    return 0
