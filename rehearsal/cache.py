"""Where things lie that are made once per machine, and the lock that keeps two processes from making them at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_directory(*parts: str) -> Path:
    """A directory under $XDG_CACHE_HOME/slipway (else ~/.cache/slipway), made if absent, for its owner alone."""
    base = os.environ.get("XDG_CACHE_HOME")
    root = (Path(base) if base else Path.home() / ".cache") / "slipway"
    directory = root.joinpath(*parts)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock at `path`; calls `waiting` once if somebody else has it. It is freed when its holder dies."""
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
