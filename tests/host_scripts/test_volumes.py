"""Volumes on a host: never over data that is there, grown while in use, let go before another machine has them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.host import apply, volumes
from scripts.host.manifest import Manifest, read
from scripts.host.run import HostError, Result, run
from tests.host_scripts.fake_host import FakeHost, Programs, a_manifest, file_entry

DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_shop-data-1"
WHERE, UNIT = "/opt/shop/data", "opt-shop-data.mount"


def _manifest(what: str = DEVICE, units: tuple[str, ...] = ()) -> Manifest:
    text = f"[Unit]\nDescription=The volume of shop, 20 GiB\n\n[Mount]\nWhat={what}\nWhere={WHERE}\nType=ext4\n"
    entries = [{"name": name, "enabled": True, "running": True} for name in units]
    files = [file_entry(f"/etc/systemd/system/{UNIT}", text), file_entry("/etc/other", "What=is this\n")]
    return read(json.dumps(a_manifest(files=files, units=entries)))


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The paths at which something is mounted, below any root."""
    places: set[str] = set()
    monkeypatch.setattr(os.path, "ismount", lambda path: any(str(path).endswith(place) for place in places))
    return places


def test_data_that_a_mount_would_hide_is_refused_before_anything_is_changed(tmp_path: Path, mounted: set[str]) -> None:
    """A database that is there would begin empty."""
    host = FakeHost(tmp_path)
    host.put(f"{WHERE}/database/WiredTiger", "data")
    text = json.dumps(a_manifest(files=[file_entry(f"/etc/systemd/system/{UNIT}", _manifest().files[0].content)]))
    with pytest.raises(HostError, match=f"{WHERE} has data, which {DEVICE} would hide: copy it over first"):
        apply.apply(host, text, check=lambda changes: None)
    assert host.changes == 0
    assert not Path(host.at("/etc/hostname")).exists()
    assert host.ran == []


def test_a_mount_hides_nothing_where_nothing_is_or_where_it_is_mounted(tmp_path: Path, mounted: set[str]) -> None:
    host = FakeHost(tmp_path)
    files = _manifest().files
    volumes.refuse_hiding(host, files)
    Path(host.at(WHERE)).mkdir(parents=True)
    volumes.refuse_hiding(host, files)
    host.put(f"{WHERE}/database/WiredTiger", "data")
    mounted.add(WHERE)
    volumes.refuse_hiding(host, files)


class RealHost(FakeHost):
    """One that runs what it is told."""

    def run(self, argv: list[str], **options: Any) -> Result:
        self.ran.append(argv)
        return run(argv, **options)


def test_a_file_system_grows_to_its_volume_and_once(tmp_path: Path, mounted: set[str]) -> None:
    """By the real program, on a file; `/dev/` is what tells a volume from a share."""
    image = tmp_path / "volume"
    image.touch()
    os.truncate(image, 20 << 20)
    run(["mkfs.ext4", "-q", str(image)])
    host = RealHost(tmp_path)
    files = _manifest(f"/dev/..{image}").files
    volumes.grow(host, files)
    assert host.ran == [], "it is not mounted"
    mounted.add(WHERE)
    volumes.grow(host, files)
    assert host.said == []
    os.truncate(image, 40 << 20)
    volumes.grow(host, files)
    volumes.grow(host, files)
    assert host.said == [f"changed: file system of {WHERE} grown to its volume"]
    assert "Block count:              40960" in run(["dumpe2fs", "-h", str(image)]).stdout


def _in_use(host: FakeHost, mounted: set[str], *others: str) -> Programs:
    """Programs of a host on which the volume is mounted, and in use at other places."""
    Path(host.at(WHERE)).mkdir(parents=True)
    mounted.add(WHERE)
    device = Path(host.at(WHERE)).stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"

    def mount(*places: str) -> None:
        lines = [f"30 20 {number} / {place} rw - ext4 /dev/sda rw\n" for place in places]
        host.put("/proc/self/mountinfo", "".join(["20 1 0:1 / / rw - overlay overlay rw\n", *lines]))

    def programs(argv: list[str]) -> str | int | None:
        if argv == ["systemctl", "stop", UNIT]:
            mount(*others)
        return "one\ntwo\n" if argv == ["docker", "ps", "--quiet"] else None

    mount(WHERE, *others)
    return programs


def test_a_volume_is_unmounted_once_its_containers_have_ended(tmp_path: Path, mounted: set[str]) -> None:
    host = FakeHost(tmp_path)
    host.programs = _in_use(host, mounted)
    volumes.unmount(host, _manifest(units=("docker.service", UNIT)))
    assert host.ran == [["docker", "ps", "--quiet"], ["docker", "stop", "one", "two"], ["systemctl", "stop", UNIT]]
    assert host.said == [f"changed: {WHERE} unmounted"]


def test_what_runs_under_pm2_ends_first_too(tmp_path: Path, mounted: set[str]) -> None:
    host = FakeHost(tmp_path)
    host.programs = _in_use(host, mounted)
    volumes.unmount(host, _manifest(units=("pm2-shop.service", UNIT)))
    assert host.ran == [["systemctl", "stop", "pm2-shop.service"], ["systemctl", "stop", UNIT]]


def test_a_volume_that_is_still_in_use_is_said(tmp_path: Path, mounted: set[str]) -> None:
    """The kernel says so, also where a container has a part of it."""
    host = FakeHost(tmp_path)
    container = "/var/lib/docker/volumes/shop_data_database/_data"
    host.programs = _in_use(host, mounted, container)
    with pytest.raises(HostError, match=f"is still in use at {container}: .*power the host off"):
        volumes.unmount(host, _manifest(units=("docker.service", UNIT)))


def test_a_host_without_a_volume_or_with_a_share_stops_nothing(tmp_path: Path, mounted: set[str]) -> None:
    host = FakeHost(tmp_path)
    volumes.unmount(host, _manifest(units=("docker.service",)))
    mounted.add(WHERE)
    volumes.unmount(host, _manifest("10.0.0.5:/share", units=("docker.service",)))
    assert host.ran == []
    assert host.said == ["no volume is mounted"] * 2
