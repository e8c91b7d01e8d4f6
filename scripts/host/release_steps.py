"""The state machine's effects on a host that runs its product from source, under PM2."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from . import dotenv, durable, preflight, probe, release_config
from .commands import Commands
from .making import Making
from .processes import Pm2, check_alive
from .procfs import end_marked
from .progress import LOOKED_THROUGH, Progress
from .release_config import SLOTS, SOCKET_SERVERS, STARTED, Config, Layout, Service
from .run import HostError
from .slot_effects import PAUSE_SECONDS, SlotEffects
from .slots import read_private
from .state import State

LOOKS = 8
"""How often a slot is looked at before it is said that it does not stop."""


class HostEffects(SlotEffects[Config]):
    """A host's product; see Effects for what each method means, and SlotEffects for the rest of them.

    `cold`: the host has just booted, no process of the product runs and none may be started yet.
    """

    checked = ("environment", "disk")

    def __init__(self, layout: Layout, config: Config, progress: Progress, token: str = "", cold: bool = False) -> None:
        super().__init__(layout, config, progress, probe.Front(), cold)
        commands = Commands(config.user, layout.root, progress, token)
        self.making = Making(layout, config, commands)
        self.pm2 = Pm2(commands, layout.root, config.unit)
        self._logged: dict[Path, int] = {}

    def config_of(self, home: Path) -> Config:
        """See SlotEffects."""
        return release_config.load(home / "release.json")

    def serves(self, slot: str) -> bool:
        """Whether everything of a slot runs and its web services answer, asked once."""
        if not self.pm2.active():
            return False
        config, home = self.of_slot(slot)
        online = {process.name for process in self.pm2.list() if process.status == "online"}
        if not set(_names([service for service in config.services if service.has_process], slot)) <= online:
            return False
        return all(self._ask(config, home, service).good for service in config.with_role("web"))

    def learn_secrets(self) -> None:
        """Know every secret of the product, so that none is shown: what serves may have others than what comes."""
        files = [self.layout.environment, *(self.layout.slot(slot) / ".env" for slot in SLOTS)]
        for file in files:
            with contextlib.suppress(OSError, HostError):  # not there yet; who needs it says what is wrong with it
                text = read_private(file, self.making.account.pw_uid)
                self.progress.masker.add(dotenv.parse(text).values())

    def preflight(self, state: State) -> None:
        """See Effects. Brings up PM2's daemon too, and with it whatever should be running."""
        preflight.room(self.config.root, self.config.min_free_mib)
        preflight.memory(self.config)
        variables = dotenv.parse(read_private(self.layout.environment, self.making.account.pw_uid))
        self.progress.masker.add(variables.values())
        self.nginx.check(self.layout.release(state.release) / "site.conf" if state.kept else self.layout.site)
        preflight.backing(variables)
        self.pm2.up()

    def fetch(self, state: State) -> None:
        """See Effects."""
        self.making.fetch(state)

    def environment(self, state: State) -> None:
        """See Effects."""
        self.progress.masker.add(self.making.environment(state).values())

    def install(self, state: State) -> None:
        """See Effects."""
        self.making.install(state)

    def build(self, state: State) -> None:
        """See Effects."""
        self.making.build(state)

    def jobs(self, state: State, when: str) -> None:
        """See Effects."""
        self.making.jobs(state, when)

    def start(self, slot: str, role: str) -> None:
        """See Effects."""
        config, home = self.of_slot(slot)
        self._start(config.with_role(role), home, slot)

    def healthy(self, slot: str) -> None:
        """See Effects."""
        if self.cold:
            return
        config, home = self.of_slot(slot)
        for service in config.with_role("web"):
            with self.shown([service], slot):
                self._steady(config, home, service, slot)

    def ready(self, slot: str, role: str) -> None:
        """See Effects."""
        config, home = self.of_slot(slot)
        services = config.with_role(role)
        if services and not self.cold:
            with self.shown(services, slot):
                longest = max(service.start_within for service in services)
                self.pm2.wait(_names(services, slot), home / "run", longest)

    def ensure(self, slot: str) -> None:
        """See Effects."""
        if self.cold:
            return
        self.pm2.up()
        config, home = self.of_slot(slot)
        for role in STARTED:
            online = {process.name for process in self.pm2.list() if process.status in ("online", "launching")}
            missing = [service for service in config.with_role(role) if f"{service.name}-{slot}" not in online]
            if missing:
                self._stop(missing, slot, all_of_slot=False)
                self._start(missing, home, slot)
            if role == "web":
                self.healthy(slot)
            else:
                self.ready(slot, role)

    def stop(self, slot: str, role: str | None = None) -> None:
        """See Effects."""
        if self.cold:
            return
        self.pm2.up()
        config = self.of_slot(slot)[0] if self.slots.release(slot) else self.config
        services = [service for service in config.services if role in (None, service.role)]
        self._stop(services, slot, all_of_slot=role is None)

    def _stop(self, services: Sequence[Service], slot: str, all_of_slot: bool) -> None:
        """Stop services, and look again until nothing of them is found: PM2's word is not enough.

        PM2 ends only the process it knows, not what that one left behind. One that is deleted while `launching` it
        starts once more and forgets (7.0.4: the exit sets `online`, which counts as a crash). And a start that a killed
        release had asked for may come after the question. What is left is known by its environment, and killed.
        """
        seconds = max((service.stop_after for service in services), default=30)
        quiet = 0
        for _ in range(LOOKS):
            names = {process.name for process in self.pm2.list() if process.slot == slot}
            if not all_of_slot:  # else also what another list of services had
                names &= set(_names(services, slot))
            self.pm2.stop(sorted(names), seconds)
            left = end_marked(*self._marks(services, slot))
            quiet = 0 if names or left else quiet + 1
            if quiet >= (2 if all_of_slot else 1):
                return
            time.sleep(PAUSE_SECONDS)
        raise HostError(f"what runs in the {slot} slot does not stay stopped")

    def _marks(self, services: Sequence[Service], slot: str) -> list[tuple[str, str]]:
        """How these services' processes are known: once they are themselves, and while they are still PM2's."""
        own = [(f"SLIPWAY_SLOT={slot}", f"SLIPWAY_SERVICE={service.name}") for service in services]
        return own + [(f"PM2_HOME={self.pm2.place}", f"name={name}") for name in _names(services, slot)]

    def settle(self) -> None:
        """See Effects. PM2's unit starts what serves."""

    def tidy(self) -> None:
        """See SlotEffects."""
        self.making.tidy()

    def _start(self, services: Sequence[Service], home: Path, slot: str) -> None:
        if not services or self.cold:
            return
        self.pm2.up()
        for service in services:
            log = self._log_of(service.name, slot)
            self._logged[log] = log.stat().st_size if log.exists() else 0
            for mark in (home / "run").glob(f"{service.name}-{slot}.*.ready"):
                mark.unlink(missing_ok=True)
            if service.role == "web" and service.server not in SOCKET_SERVERS:
                proxy = self.layout.run / self.config.product / f"{service.name}-{slot}.sock"
                durable.link(home / "run" / f"{service.name}.sock", str(proxy))
        with self.shown(services, slot):
            self.pm2.start(home / "ecosystem.config.js", slot, _names(services, slot))

    def _ask(self, config: Config, home: Path, service: Service) -> probe.Answer:
        """Ask a web service the way nginx does: through its socket."""
        return probe.service(home / "run" / f"{service.name}.sock", service.health or "/", config.domain)

    def _steady(self, config: Config, home: Path, service: Service, slot: str) -> None:
        first: dict[str, int] = {}

        def check() -> None:
            for process in self.pm2.list():
                if process.name == f"{service.name}-{slot}":
                    check_alive(process, first)

        what = f"{service.name}: {service.health}"
        self.steady(what, lambda: self._ask(config, home, service), check, service.start_within)

    def written(self, service: str, slot: str) -> list[str]:
        """See SlotEffects."""
        log = self._log_of(service, slot)
        try:
            text = read_private(log, self.making.account.pw_uid, self._logged.get(log, 0))
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-LOOKED_THROUGH:]

    def _log_of(self, service: str, slot: str) -> Path:
        return self.layout.root / "logs" / f"{service}-{slot}.log"


def _names(services: Sequence[Service], slot: str) -> list[str]:
    return [f"{service.name}-{slot}" for service in services]
