"""Processes as the kernel shows them: when they started, and which belong to a release."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

PROC = Path("/proc")


def boot_id() -> str:
    """What the kernel calls this boot."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def process_start(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None if there is none or it is a zombie."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may have blanks
    return None if fields[0] == "Z" else int(fields[19])


def marked(*marks: Sequence[str]) -> Iterator[int]:
    """Processes whose environment, as it was when their program started, has all `NAME=value` of any of these marks."""
    wanted = [[text.encode() for text in mark] for mark in marks]
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if any(all(text in environment for text in mark) for mark in wanted):
            yield int(entry.name)


def end_marked(*marks: Sequence[str]) -> int:
    """Kill all of them; how many there were."""
    found = list(marked(*marks))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)
