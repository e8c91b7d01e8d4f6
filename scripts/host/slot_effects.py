"""What a release does to a host in the same way on every kind: its links, nginx, what visitors get, what is kept."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from . import probe
from .nginx import Nginx
from .processes import POLL_SECONDS
from .progress import TAIL, Progress, distinct
from .release_config import BaseConfig, BaseService, Layout
from .run import HostError
from .slots import Slots
from .state import STEPS, State

STEADY = 3
"""Successes in a row before something counts as answering."""
PAUSE_SECONDS = 0.3
VERIFY_SECONDS = 20.0

AnyConfig = TypeVar("AnyConfig", bound="BaseConfig[Any]")


class SlotEffects(ABC, Generic[AnyConfig]):
    """A host's product; see Effects for what each method means.

    `config` is the one that was applied last; what a slot runs is told by its own release's copy. `cold`: the host has
    just booted, and nginx may not run yet.
    """

    steps = frozenset(STEPS)
    checked: tuple[str, ...]
    """What has been looked at once a release is staged: it is not, if one of these does not hold."""

    def __init__(
        self, layout: Layout, config: AnyConfig, progress: Progress, front: probe.Front, cold: bool = False
    ) -> None:
        self.layout = layout
        self.config = config
        self.progress = progress
        self.cold = cold
        self.slots = Slots(layout)
        self.front = front
        self.nginx = Nginx(layout)

    @abstractmethod
    def config_of(self, home: Path) -> AnyConfig:
        """The config of the release in `home`."""

    def live_slot(self) -> str | None:
        """See Effects."""
        return self.slots.live()

    def idle_slot(self) -> str:
        """The slot for the next release."""
        return self.slots.idle()

    def slot_release(self, slot: str) -> str | None:
        """See Effects."""
        return self.slots.release(slot)

    def assign(self, slot: str, release: str | None) -> None:
        """See Effects."""
        self.slots.assign(slot, release)

    def switch(self, slot: str) -> None:
        """See Effects."""
        self.nginx.expect(self.layout.slot(slot))
        self.slots.switch(slot)

    def follow(self) -> None:
        """See Effects. At boot nginx comes after this and reads what it finds."""
        self.nginx.follow(runs=not self.cold)

    def withdraw(self) -> None:
        """See Effects."""
        self.nginx.expect(None)
        self.slots.withdraw()

    def remember(self, slot: str | None) -> None:
        """See Effects."""
        self.slots.remember(slot)

    def verify(self, state: State) -> None:
        """See Effects."""
        for url in self.config_of(self.layout.release(state.release)).verify:
            until, good = time.monotonic() + VERIFY_SECONDS, 0
            while good < STEADY:
                answer = self.front.get(url)
                good = good + 1 if answer.good else 0
                if not answer.good and time.monotonic() > until:
                    raise HostError(f"{url} through nginx {answer.describe()}")
                time.sleep(PAUSE_SECONDS)
        if self.front.note:
            self.progress.say(f"note: {self.config.domain}: {self.front.note}")

    def checks(self) -> dict[str, str]:
        """What has been looked at while a release was staged, by name, and what was found: `ok`, or `not asked`."""
        return dict.fromkeys(self.checked, "ok")

    def leaks(self, slot: str) -> list[str]:
        """Which services of a slot have written a secret into their logs, as far as that is looked for."""
        return []

    def drain(self) -> None:
        """See Effects."""
        if not self.cold:
            time.sleep(self.config.drain_seconds)

    def remove(self, release: str) -> None:
        """See Effects."""
        self.slots.remove(release)

    def prune(self, state: State) -> None:
        """See Effects."""
        gone = self.slots.prune(self.config.keep)
        if gone:
            self.progress.log(f"removed {', '.join(gone)}")
            self.tidy()

    def tidy(self) -> None:
        """Give back what no release needs any more."""

    def of_slot(self, slot: str) -> tuple[AnyConfig, Path]:
        """What a slot runs and where."""
        release = self.slots.release(slot)
        if release is None:
            raise HostError(f"the {slot} slot has no release")
        home = self.layout.release(release)
        return self.config_of(home), home

    def steady(self, what: str, ask: Callable[[], probe.Answer], check: Callable[[], None], seconds: float) -> None:
        """Ask until STEADY answers in a row are good; HostError if they are not in time, or `check` raises one."""
        until, good = time.monotonic() + seconds, 0
        while good < STEADY:
            answer = ask()
            good = good + 1 if answer.good else 0
            if answer.good:
                time.sleep(PAUSE_SECONDS)
                continue
            check()
            if time.monotonic() > until:
                raise HostError(f"{what} {answer.describe()}")
            time.sleep(POLL_SECONDS)

    @contextmanager
    def shown(self, services: Sequence[BaseService], slot: str) -> Iterator[None]:
        """If what is inside fails, what these services wrote since their start goes to the release's log."""
        try:
            yield
        except HostError:
            share = max(1, TAIL // max(1, len(services)))  # else the last of them would leave no room for the others
            for service in services:
                for line in distinct(self.written(service.name, slot))[-share:]:
                    self.progress.log(f"{service.name}: {line}")
            raise

    @abstractmethod
    def written(self, service: str, slot: str) -> list[str]:
        """The last lines that a service wrote since its start."""
