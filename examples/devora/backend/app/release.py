"""Which release this process belongs to. The platform says it in the environment, the image says its version."""

import os
import socket
from pathlib import Path

VERSION = os.environ.get("VERSION") or Path(__file__).parent.with_name("version.txt").read_text().strip()


def describe() -> dict[str, str]:
    """Version, release, slot, commit and host that answer. Outside a release the version stands for it."""
    return {
        "version": VERSION,
        "release": os.environ.get("SLIPWAY_RELEASE") or VERSION,
        "slot": os.environ.get("SLIPWAY_SLOT", "local"),
        "commit": os.environ.get("SLIPWAY_COMMIT", "local"),
        "host": os.environ.get("SLIPWAY_HOST") or socket.gethostname(),
    }
