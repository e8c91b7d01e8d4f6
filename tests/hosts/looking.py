"""What tests on local hosts look at, from outside and more than once."""

from __future__ import annotations

import time
from collections.abc import Callable

from rehearsal.cloud import LocalCloud


def eventually(what: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def reaches(cloud: LocalCloud, address: str, port: int) -> bool:
    """Whether somebody on the internet gets through to a port."""
    return cloud.outsider().run(["nc", "-z", "-w", "2", address, str(port)]).returncode == 0
