"""What the cloud runs for its customers, each on a server of its own: load balancers, databases and apps.

A balancer is HAProxy; PostgreSQL with PgBouncer and Valkey are real, in the versions of the image's distribution,
whatever was asked for; MongoDB is the stand-in of rehearsal.engines. Each cluster is one server, however many nodes it
should have: a standby that takes over can't be seen here. A replica of PostgreSQL is a real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rehearsal.docker import Docker
from rehearsal.image import Progress
from rehearsal.managed.apps import Apps
from rehearsal.managed.balancers import Balancers
from rehearsal.managed.certificates import Certificates
from rehearsal.managed.databases import Databases
from rehearsal.managed.image import managed_image
from rehearsal.managed.servers import Servers
from rehearsal.model import CloudError
from rehearsal.state import Store


@dataclass(frozen=True)
class Managed:
    """All of them in one local cloud."""

    docker: Docker
    store: Store
    prefix: str
    labels: tuple[str, ...]
    progress: Progress

    @cached_property
    def servers(self) -> Servers:
        """All of them, whatever they run."""
        return Servers(self.docker, self.store, self.prefix, self.labels, self._image)

    def _image(self) -> str:
        """Made when the first server is: most rehearsals have none."""
        host_image = self.store.read().host_image
        if not host_image:
            raise CloudError("the local cloud has not been started (prepare)")
        return managed_image(self.docker, host_image, self.progress)

    @cached_property
    def certificates(self) -> Certificates:
        """Certificates for balancers."""
        return Certificates(self.docker, self.store)

    @cached_property
    def balancers(self) -> Balancers:
        """Load balancers."""
        return Balancers(self.servers, self.certificates)

    @cached_property
    def databases(self) -> Databases:
        """Databases."""
        return Databases(self.servers, self.certificates, self.progress)

    @cached_property
    def apps(self) -> Apps:
        """Apps."""
        return Apps(self.servers, self.certificates)
