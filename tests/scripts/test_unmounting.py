"""A volume leaves a host once that has let it go, and a host that is lost is no hindrance."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest

from scripts.fleet.order import Host, Order
from scripts.fleet.protocol import LostError, VerbError
from scripts.fleet.unmounting import unmount
from tests.scripts.ssh_host import Script, SshHost


def _unmounted(script: Script, *, reached: bool = True) -> tuple[list[str], SshHost]:
    """What was said, and the host."""

    async def ask() -> tuple[list[str], SshHost]:
        async with SshHost(script) as there:
            said: list[str] = []
            port = there.port if reached else 1
            await unmount(Order((Host("data-1", "127.0.0.1", there.public, port),), "me", there.private), said.append)
            return said, there

    return asyncio.run(ask())


async def _good(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    process.stdout.write("changed: /opt/shop/data unmounted\n")
    return 0


async def _busy(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    process.stderr.write("slipway unmount: /dev/sda is still in use at /opt/shop/data\n    more\n")
    return 1


async def _dies(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    process.channel.get_connection().abort()
    return 0


def test_a_host_lets_its_volume_go() -> None:
    said, there = _unmounted(_good)
    assert there.heard == [("sudo -n /usr/local/sbin/slipway unmount", {})]
    assert said == ["data-1: changed: /opt/shop/data unmounted"]


def test_one_that_still_writes_keeps_it() -> None:
    with pytest.raises(VerbError, match="still in use at /opt/shop/data") as caught:
        _unmounted(_busy)
    assert caught.value.host == "data-1"


def test_one_that_is_lost_meanwhile_may_still_write() -> None:
    with pytest.raises(LostError, match="connection was lost"):
        _unmounted(_dies)


def test_one_that_can_not_be_reached_is_no_hindrance() -> None:
    said, there = _unmounted(_good, reached=False)
    assert there.heard == []
    assert len(said) == 1
    assert said[0].startswith("data-1: 127.0.0.1 can't be reached")
    assert said[0].endswith("its volume is detached as after a power cut")
