"""Which release this process belongs to. The platform says it in the environment."""

import os

VERSION = "1.0.0"


def describe() -> dict[str, str]:
    """Version of the code, and the release, slot and commit that it was deployed as ("local" outside a deployment)."""
    return {
        "version": VERSION,
        "release": os.environ.get("SLIPWAY_RELEASE", "local"),
        "slot": os.environ.get("SLIPWAY_SLOT", "local"),
        "commit": os.environ.get("SLIPWAY_COMMIT", "local"),
    }
