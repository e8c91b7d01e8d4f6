"""Which release this process belongs to. The image says its version; a host of ours says more in the environment."""

import os
import resource
import socket
import time
from pathlib import Path

VERSION = os.environ.get("VERSION") or Path(__file__).parent.with_name("version.txt").read_text().strip()
_BEGAN = time.monotonic()


def describe() -> dict[str, str]:
    """Version, release and instance that answer. Where nobody names a release the version stands for it."""
    return {
        "version": VERSION,
        "release": os.environ.get("SLIPWAY_RELEASE") or VERSION,
        "host": os.environ.get("SLIPWAY_HOST") or socket.gethostname(),  # of a container: another in each deployment
    }


def condition() -> dict[str, int]:
    """For how long this process has run, and the most memory that it has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"uptime_seconds": int(time.monotonic() - _BEGAN), "memory_mib": peak // 1024}
