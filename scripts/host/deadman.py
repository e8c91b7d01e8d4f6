"""A change that could lock us out puts itself back unless it is confirmed over a new connection.

What was before is kept on the disk, and a timer (enabled, so a restart does not lose it) puts it back. Confirming
stops it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from . import durable
from .context import STATE, BusyError, Host
from .files import write
from .manifest import File

_UNITS = "/etc/systemd/system"
_TIMER = """\
[Unit]
Description=Puts back the {what} that were before, unless the new ones are confirmed

[Timer]
OnActiveSec={seconds}
AccuracySec=1

[Install]
WantedBy=timers.target
"""
_SERVICE = """\
[Unit]
Description=Put back the {what} that were before

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/slipway {command}
"""


def kept(name: str) -> str:
    """Where what was before is kept for as long as the change is not confirmed."""
    return f"{STATE}/{name}-before"


class DeadMan:
    """One thing that puts itself back: its name (of the units and of the kept copy), its files, its command."""

    def __init__(self, host: Host, name: str, what: str, paths: Sequence[str], seconds: int) -> None:
        self.host = host
        self.unit = f"slipway-{name}-revert"
        self.command = f"{name}-revert"
        self.what = what
        self.paths = paths
        self.seconds = seconds
        self.kept = host.at(kept(name))

    def armed(self) -> bool:
        """Whether a change has been made and not been confirmed."""
        return os.path.isdir(self.kept)

    def arm(self) -> None:
        """Keep what is there now and start the timer. What was kept for a change not yet confirmed stays kept."""
        if not self.armed():
            new = self.kept + ".slipway-new"
            shutil.rmtree(new, ignore_errors=True)
            os.makedirs(new, mode=0o700)
            for path in self.paths:
                if os.path.exists(self.host.at(path)):
                    os.makedirs(os.path.dirname(new + path), exist_ok=True)
                    shutil.copy2(self.host.at(path), new + path)
            os.sync()
            os.rename(new, self.kept)
        values = {"what": self.what, "seconds": self.seconds, "command": self.command}
        for suffix, text in (("timer", _TIMER), ("service", _SERVICE)):
            path = f"{_UNITS}/{self.unit}.{suffix}"
            write(self.host, File(path, text.format(**values), 0o644, "root", "root", (), ()))
        self.host.run(["systemctl", "daemon-reload"])
        self.host.run(["systemctl", "--quiet", "enable", f"{self.unit}.timer"])
        self.count_again()

    def count_again(self) -> None:
        """Let the time start now: whoever has to confirm could not do so before."""
        self.host.run(["systemctl", "restart", f"{self.unit}.timer"])

    def put_back(self) -> None:
        """Copy what was kept back to its place; a file that was not there before goes."""
        for path in self.paths:
            kept = self.kept + path
            if os.path.exists(kept):
                new = self.host.at(path) + ".slipway-new"
                shutil.copy2(kept, new)
                os.replace(new, self.host.at(path))
            elif os.path.exists(self.host.at(path)):
                os.unlink(self.host.at(path))

    def revert(self, follow: Callable[[], object]) -> bool:
        """Put back what was, have it `follow`ed, and forget it; False if there was nothing to put back.

        Whoever changes this host right now goes first: it may be confirming, and is not to find half of each.
        """
        try:
            with self.host.lock(wait=0):
                if not self.armed():
                    return False
                self.put_back()
                follow()
                self.disarm()
                return True
        except BusyError:
            self.count_again()
            return False

    def disarm(self) -> None:
        """Forget what was kept and stop the timer. Nothing puts itself back after this."""
        gone = self.kept + ".slipway-gone"
        shutil.rmtree(gone, ignore_errors=True)
        if self.armed():  # at once: a copy that is missing stands for a file that was not there
            os.rename(self.kept, gone)
            durable.sync_directory(Path(gone).parent)
        shutil.rmtree(gone, ignore_errors=True)
        self.host.run(["systemctl", "--quiet", "disable", "--now", f"{self.unit}.timer"], accept=(0, 1))
        for suffix in ("timer", "service"):
            path = self.host.at(f"{_UNITS}/{self.unit}.{suffix}")
            if os.path.exists(path):
                os.unlink(path)
