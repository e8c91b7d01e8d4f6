"""Whether this host is to be rebooted: what an upgrade brought does not run before, a kernel above all.

When is for a person to choose (hostfiles/maintenance.py), so whoever looks at the host or changes it is told.
"""

from __future__ import annotations

import os
import time

ASKED = "/run/reboot-required"
"""Packages write it when they are upgraded; a reboot takes it away. Beside it, `.pkgs` names them."""
NAMED = 3
"""Packages that are named; a host that nobody looked at for long has more."""


def asked(path: str | None = None) -> str | None:
    """When the last upgrade asked for a reboot; None if none has since the last one."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.stat(path or ASKED).st_mtime))
    except FileNotFoundError:
        return None


def note(path: str | None = None) -> str | None:
    """One line for whoever has to know, None if there is no need."""
    last = asked(path)
    if last is None:
        return None
    try:
        with open(f"{path or ASKED}.pkgs", encoding="utf-8", errors="replace") as opened:
            names = list(dict.fromkeys(opened.read().split()))
    except FileNotFoundError:
        names = []
    whose = f" of {', '.join(names[:NAMED])}" if names else ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"needs a reboot: the upgrade{whose}{more} counts only then; last asked for at {last}"
