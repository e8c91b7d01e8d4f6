"""Slots and releases as files: which slot serves, which release a slot has, what is kept."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from . import durable
from .procfs import end_marked
from .release_config import SLOTS, Layout

LOGS_KEPT = 100
"""Logs of releases; those of failed ones outlive their directories."""


class Slots:
    """The links of one product. All of them belong to root: the product can't redirect what root follows."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def live(self) -> str | None:
        """The slot that serves."""
        return _link_name(self.layout.current)

    def release(self, slot: str) -> str | None:
        """The release in `slot`; None without one, or if its directory is gone."""
        name = _link_name(self.layout.slot(slot))
        return name if name is not None and self.layout.release(name).is_dir() else None

    def idle(self) -> str:
        """The slot for the next release."""
        return SLOTS[1] if self.live() == SLOTS[0] else SLOTS[0]

    def assign(self, slot: str, release: str | None) -> None:
        """Say which release `slot` has."""
        link = self.layout.slot(slot)
        link.parent.mkdir(mode=0o755, exist_ok=True)
        if release is None:
            durable.remove(link)
        else:
            durable.link(link, f"../releases/{release}")

    def switch(self, slot: str) -> None:
        """Let `slot` serve; what served before is `previous` first, so that it is never unknown.

        `serving` is what nginx reads when it is told to, so it comes before the one that visitors feel.
        """
        live = self.live()
        if live is not None and live != slot:
            durable.link(self.layout.previous, f"slots/{live}")
        durable.link(self.layout.serving, slot)
        durable.link(self.layout.current, f"slots/{slot}")

    def withdraw(self) -> None:
        """Let none serve."""
        durable.remove(self.layout.serving)
        durable.remove(self.layout.current)
        durable.remove(self.layout.previous)

    def remember(self, slot: str | None) -> None:
        """Say which slot served before, if any."""
        if slot is None:
            durable.remove(self.layout.previous)
        else:
            durable.link(self.layout.previous, f"slots/{slot}")

    def remove(self, release: str) -> None:
        """Remove a release's directory, after ending what still runs in it."""
        home = self.layout.release(release)
        end_marked([f"SLIPWAY_RELEASE={release}"])
        if home.exists():
            away = home.with_name(f".{release}.gone")
            if away.exists():
                shutil.rmtree(away)
            home.rename(away)
            shutil.rmtree(away)
        durable.sync_directory(self.layout.releases)

    def kept(self) -> list[str]:
        """Every release that has a directory, the oldest first; what a removal left half is swept up."""
        names = []
        for entry in sorted(self.layout.releases.iterdir()):
            if entry.name.startswith("."):
                shutil.rmtree(entry)
            elif entry.is_dir():
                names.append(entry.name)
        return names

    def prune(self, keep: int) -> list[str]:
        """Remove the oldest releases beyond `keep`, never one that a slot has, and logs; the releases that were."""
        held = {self.release(slot) for slot in SLOTS}
        names = self.kept()
        removable = [name for name in names if name not in held]
        gone = removable[: max(0, len(names) - keep)]
        for name in gone:
            self.remove(name)
        for log in sorted(self.layout.logs.glob("*.log"))[:-LOGS_KEPT]:
            log.unlink(missing_ok=True)
        return gone


def read_private(path: Path, user_id: int, offset: int = 0) -> str:
    """The text from byte `offset` of a file that lies where the service user may write.

    Root must not be led to a file that the user could not read itself: a link, somebody else's file or a second name of
    one is refused with an OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid not in (0, user_id):
            raise PermissionError(1, "is not a file of its own", str(path))
        file.seek(offset)
        return file.read()


def _link_name(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None
