"""Orders for a fake fleet, and what becomes of them."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Mapping
from typing import Any

from scripts.fleet.alarm import Alarm
from scripts.fleet.calls import Calls
from scripts.fleet.coordinator import Coordinator
from scripts.fleet.order import SHORTEST_SECONDS, Host, Order
from scripts.fleet.progress import Progress
from scripts.fleet.protocol import FleetError
from scripts.host.request import fingerprint
from tests.scripts.fake_fleet import AGAIN_SECONDS, FakeFleet, KilledError, Process

NO_TROUBLE: Mapping[int, str] = {}
OLDER, OLD, NEW = "20261119T100000-00000000", "20261120T100000-11111111", "20261121T100000-22222222"


def request(version: int) -> dict[str, Any]:
    """A release request: each version has a digest of its own."""
    image = f"registry.example.com/shop/api@sha256:{version:064x}"
    tables = {"images": {"api": image}, "services": {"api": "api"}, "versions": {"api": f"1.{version}.0"}}
    return {**tables, "revision": f"r{version}"}


def facts(release: str, version: int, started: str = "") -> dict[str, Any]:
    """What a host's ledger says of a release."""
    wanted = request(version)
    return {"release": release, "commit": fingerprint(wanted["images"]), "started": started, **wanted}


class Scene:
    """A fleet that serves OLD and served OLDER before. Everything happens in one loop, so with one clock."""

    def __init__(
        self, size: int, plan: Mapping[int, str] | Mapping[str, str] = NO_TROUBLE, fresh: bool = False
    ) -> None:
        self.names = [f"web-{number}" for number in range(1, size + 1)]
        loop, now = asyncio.get_running_loop(), time.time()
        self.fleet = FakeFleet(self.names, lambda: now + loop.time())
        self.fleet.trouble.plan.update(plan.items())
        self.process = Process(self.fleet)
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.alarm = Alarm()
        if not fresh:
            for host in self.fleet.hosts.values():
                host.live = OLD
                host.served = [facts(OLDER, 1, "2026-11-19"), facts(OLD, 2, "2026-11-20")]

    def coordinator(self, version: int = 3, owner: str = "alice", take_over: bool = False) -> Coordinator:
        """Another process."""
        self.process = Process(self.fleet)
        self.alarm = Alarm()
        hosts = tuple(Host(name, "192.0.2.1", "") for name in self.names)
        order = Order(hosts, owner, "", request(version), SHORTEST_SECONDS, take_over)
        return Coordinator(Calls(self.process, order, Progress(self.out, self.errors), self.alarm))

    async def run(self, command: str, **options: Any) -> bool | None:
        """Whether it went well; None if it was killed."""
        try:
            return bool(await getattr(self.coordinator(**options), command)())
        except FleetError as error:
            print(error.describe(), file=self.errors)
            return False
        except KilledError:
            return None

    async def until_over(self, command: str, **options: Any) -> bool:
        """Run it; as often as it is killed, recover."""
        outcome = await self.run(command, **options)
        while outcome is None:
            outcome = await self.run("recover", **options)
        return outcome

    async def boot(self) -> None:
        """Every host is on again."""
        await asyncio.sleep(AGAIN_SECONDS)
        self.fleet.boot()

    def live(self) -> dict[str, str | None]:
        """What each host that is on serves."""
        return {name: host.live for name, host in self.fleet.hosts.items() if host.on}

    def at_rest(self) -> bool:
        """Whether no host that is on has anything under way."""
        return not any(host.on and host.state for host in self.fleet.hosts.values())

    def told(self) -> str:
        """All that was said."""
        return self.out.getvalue() + self.errors.getvalue()


class Anything(set[str]):
    """Every release but those that served before."""

    def __contains__(self, item: object) -> bool:
        return item not in (OLD, OLDER)


def asked(scene: Scene, *verbs: str) -> list[tuple[str, str]]:
    """What hosts were asked, in order; without verbs: all that changes something."""
    return [call for call in scene.fleet.asked if (call[1] in verbs if verbs else call[1] != "status")]


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()
