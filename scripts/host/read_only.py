"""Whether this host is read-only: nginx refuses then whatever may change something, and serves who only reads.

A file says so, which nginx looks for at every such request (hostfiles/nginx_proxy.py). So it takes no reload, and it
holds until somebody takes it back: over a reboot, an apply and a release, each of which says that it is on.
"""

from __future__ import annotations

import time
from pathlib import Path

from . import traffic
from .release_config import Layout

LOOKED_FOR = "/etc/slipway/read-only"
"""Where nginx looks, by the routes that come with a release: those of an older one do not know of it."""


def since(layout: Layout) -> str | None:
    """Since when it is on; None if it is off."""
    try:
        return layout.read_only.read_text(encoding="utf-8").strip() or "an unknown time"
    except FileNotFoundError:
        return None


def note(layout: Layout) -> str | None:
    """One line for whoever has to know, None if it is off."""
    began = since(layout)
    if began is None:
        return None
    if not is_known(layout):
        return f"asked to be read-only since {began}, but what serves does not know how: it is written to"
    return f"read-only since {began}: what may change something is refused until `slipway read-only off`"


def late(layout: Layout, log: Path = traffic.LOG) -> str | None:
    """One line about what was written although it is on: its body was on the way when it came. None if nothing was."""
    try:
        began = layout.read_only.stat().st_mtime
    except FileNotFoundError:
        return None
    ended = traffic.written(log, began + 1)  # the log tells whole seconds, and the first is waited for
    if not ended:
        return None
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(ended)))
    return f"written to since: {len(ended)} requests that had begun before, the last was answered at {last}"


def is_known(layout: Layout) -> bool:
    """Whether the routes of the release that serves look for the file."""
    try:
        return LOOKED_FOR in (layout.serving / "site.conf").read_text(encoding="utf-8")
    except OSError:
        return False
