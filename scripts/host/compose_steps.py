"""The state machine's effects on a host that runs its product in containers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import compose_config, dotenv, leaks, preflight, probe
from .commands import Commands
from .compose_config import ComposeConfig, ComposeLayout, ComposeService
from .composing import Composing
from .containers import SLOT_DOWN, SLOT_UP, Compose, Docker
from .dumps import Dumps
from .images import Images
from .progress import Progress
from .release_config import SLOTS, STARTED
from .run import HostError, run
from .slot_containers import SlotContainers
from .slot_effects import SlotEffects
from .state import STEPS, State

DATA = Path("/var/lib/docker")
"""Where images and containers take their room."""


class ComposeEffects(SlotEffects[ComposeConfig]):
    """A host's product; see Effects for what each method means, and SlotEffects for the rest of them.

    `cold`: the host has just booted. Docker runs, with the containers of what served; nginx may not run yet, and nobody
    waits for what is started.
    """

    steps = frozenset(STEPS) - {"install", "build"}
    checked = ("digests", "login", "environment", "debug", "disk")

    def __init__(
        self, layout: ComposeLayout, config: ComposeConfig, progress: Progress, token: str = "", cold: bool = False
    ) -> None:
        front = probe.Front(("127.0.0.1", config.front.port), config.front.tls)
        super().__init__(layout, config, progress, front, cold)
        self.docker = Docker(Commands(None, Path("/root"), progress, token))
        self.images = Images(self.docker)
        self.composing = Composing(layout, config)
        self.dumps = Dumps(self.docker, layout, config.product)
        self.drained = layout.drained

    def config_of(self, home: Path) -> ComposeConfig:
        """See SlotEffects."""
        return compose_config.load(home / "release.json")

    def serves(self, slot: str) -> bool:
        """Whether everything of a slot runs and its web services answer, asked once."""
        self.docker.up()
        config, home = self.of_slot(slot)
        if self._containers(slot).missing(config.with_role(*self._roles(home))):
            return False
        return all(self._ask(service, port).good for service in config.services for port in service.slot_ports(slot))

    def checks(self) -> dict[str, str]:
        """See SlotEffects."""
        return super().checks() | ({} if self.images.asked else {"login": "not asked"})

    def learn_secrets(self) -> None:
        """Know every secret of the product, so that none is shown: what serves may have others than what comes."""
        self.progress.masker.add(self.composing.secrets())

    def preflight(self, state: State) -> None:
        """See Effects. Starts Docker if it does not run; a release that is kept has its images here after this."""
        self.docker.up()
        for directory in (self.layout.root, DATA):
            preflight.room(directory, self.config.min_free_mib)
        home = self.layout.release(state.release)
        self.nginx.check(home / "site.conf" if state.kept else self.layout.site)
        variables = self.composing.variables()
        self.composing.refuse_debug(variables)
        names = self.docker.addresses(self.config.product)
        for values in variables.values():
            preflight.backing(values, names)
        if state.kept:
            self._pull(state)
            self.composing.complete(state)

    def fetch(self, state: State) -> None:
        """See Effects."""
        self.composing.fetch(state)
        self._pull(state)

    def environment(self, state: State) -> None:
        """See Effects. The release is whole after this: nothing is built."""
        self.composing.environment(state)
        self.learn_secrets()
        compose = self._compose(self.layout.release(state.release), state.slot)
        model = compose.model()
        self.composing.refuse_root(
            {
                name: str(service.get("user") or self.images.user(service["image"]))
                for name, service in model["services"].items()
            }
        )
        compose.make_externals(model)
        self.composing.complete(state)

    def install(self, state: State) -> None:
        """See Effects. An image has it all."""

    def build(self, state: State) -> None:
        """See Effects. An image has it all."""

    def jobs(self, state: State, when: str) -> None:
        """See Effects."""
        home = self.layout.release(state.release)
        config = self.config_of(home)
        if when == "before-switch":
            self.dumps.take(config.dumps, state.release)
        compose = self._compose(home, state.slot)
        for job in config.jobs:
            if job.when != when:
                continue
            try:
                compose.run(job.service, job.command, f"job-{job.name}", state.release, job.timeout)
            except HostError as error:
                raise HostError(f"job {job.name}: {error.reason}", error.tail) from None

    def assign(self, slot: str, release: str | None) -> None:
        """See Effects."""
        if release is not None:
            self.composing.place(slot, release)
        super().assign(slot, release)

    def start(self, slot: str, role: str) -> None:
        """See Effects."""
        config, home = self.of_slot(slot)
        self._start(config.with_role(role), home, slot)

    def healthy(self, slot: str) -> None:
        """See Effects."""
        containers = self._containers(slot)
        for service in self.of_slot(slot)[0].with_role("web"):
            with self.shown([service], slot):
                for port in service.slot_ports(slot):
                    self._steady(service, port, containers)
                containers.check_running(service)

    def ready(self, slot: str, role: str) -> None:
        """See Effects."""
        for service in self.of_slot(slot)[0].with_role(role):
            with self.shown([service], slot):
                self._containers(slot).wait_ready(service)

    def ensure(self, slot: str) -> None:
        """See Effects."""
        self.docker.up()
        config, home = self.of_slot(slot)
        for role in self._roles(home):
            missing = self._containers(slot).missing(config.with_role(role))
            if missing:
                self._containers(slot).clear(missing)
                self._start(missing, home, slot, anew=False)
            if self.cold:
                continue
            if role == "web":
                self.healthy(slot)
            else:
                self.ready(slot, role)
        if slot == self.slots.live():
            self._containers(slot).start_again(SLOT_UP)

    def settle(self) -> None:
        """See Effects. Docker has started what served by itself, unless the power went before it was told to."""
        live = self.slots.live()
        for slot in SLOTS:
            if slot != live:
                self.stop(slot)
        if live is not None and self.slots.release(live) is not None:
            self.ensure(live)

    def stop(self, slot: str, role: str | None = None) -> None:
        """See Effects."""
        self.docker.up()
        config = self.of_slot(slot)[0] if self.slots.release(slot) else self.config
        services = [service for service in config.services if role in (None, service.role)]
        self._containers(slot).stop(services, everything=role is None)

    def switch(self, slot: str) -> None:
        """See Effects. What serves comes back after a boot from before it does on, what served no more after."""
        self._start_again(slot, SLOT_UP)
        super().switch(slot)
        for other in SLOTS:
            if other != slot:
                self._start_again(other, SLOT_DOWN)

    def follow(self) -> None:
        """See Effects. At boot nginx comes before or after this, as it happens."""
        self.nginx.follow(runs=not self.cold or _active("nginx.service"))

    def verify(self, state: State) -> None:
        """See Effects. A log with a secret in it is told; whoever leads a fleet may find it reason enough to return."""
        super().verify(state)
        for leak in self.leaks(state.slot):
            self.progress.say(f"note: {leak}")

    def leaks(self, slot: str) -> list[str]:
        """See SlotEffects."""
        config, home = self.of_slot(slot)
        found = []
        for service in config.services:
            variables = dotenv.parse((home / "env" / f"{service.name}.env").read_text(encoding="utf-8"))
            names = leaks.leaks(variables, self._containers(slot).written(service.name, leaks.LINES))
            found += [f"services.{service.name} writes {name} into its log" for name in names]
        return found

    def remove(self, release: str) -> None:
        """See Effects. A job of it may have outlived the command that ran it."""
        self.docker.end(self.docker.of_release(release), {})
        super().remove(release)

    def prune(self, state: State) -> None:
        """See Effects. A host that is released to is not about to leave: the balancer may send visitors again."""
        self.drained.unlink(missing_ok=True)
        super().prune(state)
        kept = self.slots.kept()
        self.dumps.prune(kept)
        images = [image for release in kept for image in self._images(release)]
        gone = self.images.prune([*images, *(dump.image for dump in self.config.dumps)])
        if gone:
            self.progress.log(f"removed {', '.join(gone)}")

    def written(self, service: str, slot: str) -> list[str]:
        """See SlotEffects."""
        return self._containers(slot).written(service)

    def _pull(self, state: State) -> None:
        images = {f"images.{name}": image for name, image in state.images.items()}
        self.images.pull(images | {f"dumps.{dump.name}": dump.image for dump in self.config.dumps if state.leader})

    def _images(self, release: str) -> list[str]:
        return list(compose_config.of_release(self.layout.release(release)).get("images", {}).values())

    def _roles(self, home: Path) -> list[str]:
        """The roles that this host runs of the release in `home`: in a fleet one host has the scheduler."""
        leads = compose_config.of_release(home).get("leader", True)
        return [role for role in STARTED if leads or role != "scheduler"]

    def _containers(self, slot: str) -> SlotContainers:
        return SlotContainers(self.docker, self.config.project(slot))

    def _compose(self, home: Path, slot: str) -> Compose:
        return Compose(self.docker, home, self.config.project(slot))

    def _start(self, services: Sequence[ComposeService], home: Path, slot: str, anew: bool = True) -> None:
        if services:
            with self.shown(services, slot):
                self._compose(home, slot).start([service.name for service in services], anew)

    def _start_again(self, slot: str, policy: str) -> None:
        """The links are switched even if Docker can't be told: after a boot `settle` sets right what that leaves."""
        try:
            self._containers(slot).start_again(policy)
        except HostError as error:
            self.progress.log(f"the {slot} slot after a boot: {error.reason}")

    def _ask(self, service: ComposeService, port: int) -> probe.Answer:
        """Ask one container the way nginx does."""
        return probe.service(("127.0.0.1", port), service.health or "/", self.config.domain)

    def _steady(self, service: ComposeService, port: int, containers: SlotContainers) -> None:
        def check() -> None:
            containers.check_alive(service)

        what = f"{service.name} (port {port}): {service.health}"
        self.steady(what, lambda: self._ask(service, port), check, service.start_within)


def _active(unit: str) -> bool:
    return run(["systemctl", "is-active", "--quiet", unit], accept=(0, 3, 4)).code == 0
