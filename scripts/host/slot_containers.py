"""The containers of one slot: started, watched, stopped. Which slot serves is not known here."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .compose_config import ComposeService
from .containers import Container, Docker
from .processes import POLL_SECONDS
from .progress import LOOKED_THROUGH
from .run import HostError
from .slot_effects import PAUSE_SECONDS

ALIVE_SECONDS = 5.0
"""A container that nothing can be asked about counts as ready when it has run this long."""
LOOKS = 8
"""How often a slot is looked at before it is said that it does not stop."""


class SlotContainers:
    """What runs of the Compose project `project`."""

    def __init__(self, docker: Docker, project: str) -> None:
        self.docker = docker
        self.project = project

    def of(self, service: str) -> list[Container]:
        """The containers of one service, whatever their status."""
        return [one for one in self.docker.of_project(self.project) if one.service == service and not one.once]

    def missing(self, services: Sequence[ComposeService]) -> list[ComposeService]:
        """Those of the services of which fewer containers run than should."""
        running = [one.service for one in self.docker.of_project(self.project) if one.status == "running"]
        return [service for service in services if running.count(service.name) < service.replicas]

    def stop(self, services: Sequence[ComposeService], everything: bool) -> None:
        """Stop and remove these services' containers, or `everything` of the slot; look again until none is found.

        A start that a killed release had asked for may come after the question.
        """
        seconds = {service.name: service.stop_after for service in services}
        quiet = 0
        for _ in range(LOOKS):
            found = [one for one in self.docker.of_project(self.project) if everything or one.service in seconds]
            self.docker.end(found, seconds)
            quiet = 0 if found else quiet + 1
            if quiet >= (2 if everything else 1):
                return
            time.sleep(PAUSE_SECONDS)
        raise HostError(f"what runs in {self.project} does not stay stopped")

    def clear(self, services: Sequence[ComposeService]) -> None:
        """Remove what there is of these services and does not run; what runs may be all that answers visitors."""
        names = {service.name for service in services}
        found = [one for one in self.docker.of_project(self.project) if one.service in names]
        self.docker.end([one for one in found if one.status != "running" and not one.once], {})

    def check_alive(self, service: ComposeService) -> None:
        """HostError if a container of the service does not stay up, or is not there at all."""
        containers = self.of(service.name)
        if len(containers) < service.replicas:
            raise HostError(f"{service.name}: {len(containers)} of {service.replicas} containers are there")
        for container in containers:
            container.check_alive()

    def check_running(self, service: ComposeService) -> None:
        """HostError if a container of the service does not run right now."""
        self.check_alive(service)
        for container in self.of(service.name):
            if container.status != "running":
                raise HostError(f"{service.name} does not stay up ({container.status}, {container.restarts} restarts)")

    def wait_ready(self, service: ComposeService) -> None:
        """Wait until every container of the service says that it is ready; HostError if one ends or is late."""
        began = time.monotonic()
        while True:
            self.check_alive(service)
            containers = self.of(service.name)
            if all(self._is_ready(service, one, time.monotonic() - began) for one in containers):
                return
            if time.monotonic() - began > service.start_within:
                raise HostError(f"{service.name} not ready after {service.start_within} seconds")
            time.sleep(POLL_SECONDS)

    def start_again(self, policy: str) -> None:
        """Have all of the slot started again as `policy` says."""
        self.docker.start_again(self.docker.of_project(self.project), policy)

    def written(self, service: str, lines: int = LOOKED_THROUGH) -> list[str]:
        """The last lines that each of the service's containers wrote."""
        return [line for one in self.of(service) for line in self.docker.written(one, lines)]

    def _is_ready(self, service: ComposeService, container: Container, alive: float) -> bool:
        """By its own check, or by its `ready` command, which Docker asks less often; else by its age."""
        if container.status != "running":
            return False
        if container.health == "healthy":
            return True
        if service.ready is not None:
            return self.docker.succeeds(container, service.ready)
        return container.health is None and alive >= ALIVE_SECONDS
