"""The machine's name and swap, and where a container is not a machine."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.host import machine
from scripts.host.run import HostError
from tests.host_scripts.fake_host import FakeHost

MIB = 1 << 20


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """A machine of an old name without swap. What would be root's belongs to whoever runs the tests."""
    monkeypatch.setattr("scripts.host.files.uid", lambda name: os.geteuid())
    monkeypatch.setattr("scripts.host.files.gid", lambda name: os.getegid())
    monkeypatch.setattr(machine, "in_container", lambda: False)
    made = FakeHost(tmp_path)
    made.put("/etc/hostname", "old\n")
    made.put("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 old.example.com old\n")
    made.put("/etc/fstab", "/dev/vda1 / ext4 defaults 0 1\n")
    made.put("/proc/swaps", "Filename Type Size Used Priority\n")
    made.programs = lambda argv: swap_programs(made, argv)
    return made


def swap_programs(host: FakeHost, argv: list[str]) -> None:
    """fallocate gives a file its size; swapon and swapoff show in /proc/swaps."""
    if argv[0] == "fallocate":
        os.truncate(argv[3], int(argv[2]))
    elif argv[0] in ("swapon", "swapoff"):
        host.put("/proc/swaps", "Filename Type\n" + ("/swapfile file 1 0 -2\n" if argv[0] == "swapon" else ""))


def test_the_name_is_set_and_resolves(host: FakeHost) -> None:
    machine.hostname(host, "familyflow")
    assert host.text("/etc/hostname") == "familyflow\n"
    assert host.text("/etc/hosts") == "127.0.0.1 localhost\n127.0.1.1 familyflow\n"
    assert host.changes == 2
    machine.hostname(host, "familyflow")
    assert host.changes == 2


def test_a_name_that_resolves_to_another_address_is_left(host: FakeHost) -> None:
    """A container's own line."""
    host.put("/etc/hosts", "127.0.0.1 localhost\n172.17.0.2 familyflow\n")
    host.put("/etc/hostname", "familyflow\n")
    machine.hostname(host, "familyflow")
    assert host.changes == 0


def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /etc/hostname in a container."""
    real = os.rename

    def busy(source: Any, target: Any, **options: Any) -> None:
        if target in ("hostname", "hosts"):
            raise OSError(errno.EBUSY, "Device or resource busy")
        real(source, target, **options)

    monkeypatch.setattr(os, "rename", busy)
    machine.hostname(host, "familyflow")
    assert host.text("/etc/hostname") == "familyflow\n"
    assert sorted(path.name for path in Path(host.at("/etc")).iterdir()) == ["fstab", "hostname", "hosts"]


def test_swap_is_made_used_and_kept_over_a_restart(host: FakeHost) -> None:
    machine.swap(host, 2)
    assert Path(host.at("/swapfile")).stat().st_size == 2 * MIB
    assert host.mode("/swapfile") == 0o600
    assert host.text("/etc/fstab").splitlines()[-1] == "/swapfile none swap sw 0 0"
    assert host.said == ["changed: swap 2 MiB"]
    before = len(host.ran)
    machine.swap(host, 2)
    assert len(host.ran) == before
    assert host.changes == 1


def test_swap_of_another_size_replaces_it_and_none_takes_it_away(host: FakeHost) -> None:
    machine.swap(host, 2)
    machine.swap(host, 4)
    assert Path(host.at("/swapfile")).stat().st_size == 4 * MIB
    assert [argv[0] for argv in host.ran[-4:]] == ["swapoff", "fallocate", "mkswap", "swapon"]
    machine.swap(host, 0)
    assert not Path(host.at("/swapfile")).exists()
    assert "/swapfile" not in host.text("/etc/fstab")
    machine.swap(host, 0)
    assert host.changes == 3


def test_swap_that_is_off_after_an_interruption_is_turned_on(host: FakeHost) -> None:
    machine.swap(host, 2)
    host.put("/proc/swaps", "Filename Type\n")
    machine.swap(host, 2)
    assert host.ran[-1] == ["swapon", "/swapfile"]


def test_swap_that_cannot_be_made_leaves_nothing(host: FakeHost) -> None:
    host.programs = lambda argv: 1 if argv[0] == "mkswap" else swap_programs(host, argv)
    with pytest.raises(HostError, match="mkswap"):
        machine.swap(host, 2)
    assert not [path.name for path in Path(host.at("/")).iterdir() if "swapfile" in path.name]


def test_a_container_has_no_swap_and_says_so_once(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "in_container", lambda: True)
    machine.swap(host, 2048)
    machine.swap(host, 2048)
    assert len(host.said) == 1
    assert host.said[0].startswith("swap: not in a container")
    assert host.changes == 0
    assert host.ran == []
