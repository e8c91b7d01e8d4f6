"""What has to happen after a file changed, remembered on the disk before it changes, so that no power cut loses it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence

from .context import STATE, Host
from .files import write
from .manifest import File
from .run import HostError
from .units import failure

PENDING = STATE + "/pending.json"
_UNIT_VERBS = {"reload": "try-reload-or-restart", "restart": "try-restart"}
"""A unit that does not run is not started by an action: whether it has to run, its own entry says."""


class Pending:
    """Actions that are still to be done, also those of a run that was interrupted."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.actions: list[str] = []
        try:
            with open(host.at(PENDING), encoding="utf-8") as opened:
                self.actions = [str(action) for action in json.load(opened)["actions"]]
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            raise HostError(f"{PENDING} cannot be read: remove it, then restart what had changed") from None

    def add(self, actions: Iterable[str]) -> None:
        """Remember these too; they are on the disk when this returns."""
        more = [action for action in dict.fromkeys(actions) if action not in self.actions]
        if more:
            self.actions += more
            self._save()

    def done(self, actions: Sequence[str]) -> None:
        """Forget these."""
        left = [action for action in self.actions if action not in actions]
        if left != self.actions:
            self.actions = left
            self._save()

    def _save(self) -> None:
        if self.actions:
            write(self.host, private(PENDING, json.dumps({"actions": self.actions}) + "\n"))
        else:
            os.unlink(self.host.at(PENDING))

    def before_units(self) -> None:
        """What units need before they are looked at: systemd has read them again."""
        if "daemon-reload" in self.actions:
            self.host.run(["systemctl", "daemon-reload"])
            self.done(["daemon-reload"])

    def perform(self) -> None:
        """Do the rest: kernel settings and temporary files first, then units. What fails stays to be done."""
        if "sysctl" in self.actions:
            # The unit, not sysctl(8): what a kernel does not let it set is no failure to it, where a dash stands before
            # the name. A local host's kernel lets it set /proc/sys/net alone.
            self.host.run(["systemctl", "restart", "systemd-sysctl.service"])
            self.done(["sysctl"])
        if "tmpfiles" in self.actions:
            # 65: lines of other packages that it could not use; it has done the rest.
            self.host.run(["systemd-tmpfiles", "--create"], accept=(0, 65))
            self.done(["tmpfiles"])
        # A unit that this run has just started has read its files already.
        self.done([action for action in self.actions if action.partition(" ")[2] in self.host.started])
        restarted = {action.partition(" ")[2] for action in self.actions if action.startswith("restart ")}
        for action in list(self.actions):
            verb, _, unit = action.partition(" ")
            if verb == "restart" or unit not in restarted:
                self._unit(verb, unit)
            self.done([action])

    def _unit(self, verb: str, unit: str) -> None:
        # Applies in quick succession are not a unit that keeps crashing: without this the sixth restart in ten seconds
        # is refused and leaves the unit stopped.
        self.host.run(["systemctl", "reset-failed", unit], accept=(0, 1))
        try:
            self.host.run(["systemctl", _UNIT_VERBS[verb], unit], timeout=300)
        except HostError:
            raise failure(self.host, unit, f"could not {verb}") from None
        self.host.note(f"done: {verb} {unit}")


def private(path: str, content: str) -> File:
    """A file that only the user we run as (root, on a host) can read."""
    import grp
    import pwd

    owner, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    return File(path, content, 0o600, owner, group, (), ())
