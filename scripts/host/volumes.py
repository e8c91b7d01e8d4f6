"""Volumes of the cloud on this host: nothing is hidden by a mount, they are as large as they can be, and are let go.

Which there are, the mount units of the manifest say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .context import Host
from .kept import kept_manifest
from .manifest import File, Manifest
from .run import HostError

_UNITS = "/etc/systemd/system/"
_STOP_SECONDS = 400
"""Containers of backing services have two minutes to end (hostfiles/data_services.py), and several may take turns."""


@dataclass(frozen=True)
class Mount:
    """A mount unit: what is mounted, where, and the kind of its file system."""

    unit: str
    what: str
    where: str
    kind: str


def mounts(files: Iterable[File]) -> Iterator[Mount]:
    """The mount units among `files`."""
    for file in files:
        if file.path.startswith(_UNITS) and file.path.endswith(".mount"):
            says = dict(line.split("=", 1) for line in file.content.splitlines() if "=" in line)
            yield Mount(file.path.removeprefix(_UNITS), says["What"], says["Where"], says["Type"])


def refuse_hiding(host: Host, files: Iterable[File]) -> None:
    """HostError if a directory has data that a mount would hide: whoever kept it there would begin with nothing."""
    for mount in mounts(files):
        folder = host.at(mount.where)
        if os.path.isdir(folder) and not os.path.ismount(folder) and os.listdir(folder):
            raise HostError(
                f"{mount.where} has data, which {mount.what} would hide: copy it over first "
                "(docs/operations.md, A volume for data that is there)"
            )


def grow(host: Host, files: Iterable[File]) -> None:
    """Let each file system fill its volume, while it is in use; the cloud has made the volume larger before."""
    for mount in _on_devices(host, files):
        if mount.kind == "ext4" and "Nothing to do!" not in "".join(host.run(["resize2fs", mount.what]).lines()):
            host.changed(f"file system of {mount.where} grown to its volume")


def main(arguments: list[str]) -> int:
    """Stop what writes on this host's volumes and unmount them: another machine is to have them."""
    if arguments:
        raise HostError("usage: slipway unmount")
    host = Host(out=sys.stdout)
    with host.lock():
        unmount(host, kept_manifest(host))
    return 0


def unmount(host: Host, manifest: Manifest) -> None:
    """End what runs here, and unmount. HostError if a volume is still in use after that."""
    found = list(_on_devices(host, manifest.files))
    if not found:
        host.note("no volume is mounted")
        return
    _stop(host, manifest)
    for mount in found:
        device = os.stat(host.at(mount.where)).st_dev
        # its own code says less than what is mounted after it
        host.run(["systemctl", "stop", mount.unit], accept=tuple(range(256)), timeout=_STOP_SECONDS)
        if left := _places(host, device):
            what = f"{mount.what} is still in use at {', '.join(left)}"
            raise HostError(f"{what}: `fuser --verbose --mount` says by whom; end that, or power the host off")
        host.changed(f"{mount.where} unmounted")


def _on_devices(host: Host, files: Iterable[File]) -> Iterator[Mount]:
    """Those of block devices that are mounted."""
    return (
        mount for mount in mounts(files) if mount.what.startswith("/dev/") and os.path.ismount(host.at(mount.where))
    )


def _stop(host: Host, manifest: Manifest) -> None:
    """Containers end as their services ask for, and stay ended; Docker's own stop would let them live on."""
    units = [unit.name for unit in manifest.units]
    if "docker.service" in units:
        running = host.run(["docker", "ps", "--quiet"]).stdout.split()
        if running:
            host.run(["docker", "stop", *running], accept=(0, 1), timeout=_STOP_SECONDS)  # 1: one had ended by itself
    outside = [name for name in units if name.startswith("pm2-")]
    if outside:
        host.run(["systemctl", "stop", *outside], timeout=_STOP_SECONDS)


def _places(host: Host, device: int) -> list[str]:
    """Where a device is mounted, by the kernel; also where a container has a part of it."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with open(host.at("/proc/self/mountinfo"), encoding="utf-8") as opened:
        entries = [line.split() for line in opened]
    return [entry[4] for entry in entries if entry[2] == number]
