"""Processes as the kernel shows them: when they started, and which belong to a release."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
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


def marked(*markers: str) -> Iterator[int]:
    """Processes whose environment has all of these `NAME=value`, as it was when their program started."""
    wanted = [marker.encode() for marker in markers]
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if all(marker in environment for marker in wanted):
            yield int(entry.name)


def end_marked(*markers: str, number: int = signal.SIGKILL) -> int:
    """Send a signal to all of them; how many there were."""
    found = list(marked(*markers))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return len(found)
