"""Servers of the cloud's own: an address for everybody and one in a private network, held by a container, and what
runs there in others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rehearsal import machines, network
from rehearsal.addresses import GATEWAY, at, host_address, private_address
from rehearsal.docker import Docker
from rehearsal.image import archive
from rehearsal.model import CloudError, Server
from rehearsal.state import CloudState, ServerState, Store

Files = Sequence[tuple[str, bytes, int]]


@dataclass(frozen=True)
class Servers:
    """Makes and removes them. `image` gives the tag of the image that they start from."""

    docker: Docker
    store: Store
    prefix: str
    labels: tuple[str, ...]
    image: Callable[[], str]

    def make(self, kind: str, name: str, network_id: str, **values: object) -> ServerState:
        """A server with its addresses, in which nothing runs yet; `values` go to its state."""
        image = self.image()
        with self.store.change() as state:
            if network_id not in state.networks:
                raise CloudError(f"{name}: there is no network {network_id}")
            record = ServerState(
                id=f"{kind}-{secrets.token_hex(4)}",
                name=name,
                kind=kind,
                network_id=network_id,
                public_address=host_address(state.subnet, state.public_addresses()),
                private_address=private_address(state.networks[network_id].cidr, state.members(network_id)),
            )
            vars(record).update(values)
            state.servers[record.id] = record
        try:
            return self._hold(record, image)
        except CloudError:
            self.remove(record.id)
            raise

    def _hold(self, record: ServerState, image: str) -> ServerState:
        state = self.store.read()
        name = f"{self.prefix}-{record.id}-net"
        anchor = machines.start_anchor(
            self.docker, image, name, record.id, state.public_network, record.public_address, self.labels
        )
        self.note(record.id, anchor=anchor)
        carrier, cidr = state.carriers[record.network_id], state.networks[record.network_id].cidr
        gateway = at(state.subnet, GATEWAY)
        network.join_private(self.docker, anchor, carrier, record.private_address, cidr, gateway)
        return self.find(record.id)

    def run(self, server_id: str, what: str, command: Sequence[str], files: Files, *flags: str) -> str:
        """Starts a program on the server with these files; the container. In place of one of the same name."""
        record = self.find(server_id)
        former = record.containers.get(what)
        if former:
            self.docker.remove([former])
        container = self.docker.create(
            self.image(),
            command[1:],
            *self.labels,
            f"--name={self.prefix}-{server_id}-{what}",
            f"--network=container:{record.anchor}",
            "--restart=unless-stopped",
            f"--entrypoint={command[0]}",
            *flags,
        )
        self.note(server_id, containers={**record.containers, what: container})
        self.put(container, files)
        self.docker.call("start", container)
        return container

    def put(self, container: str, files: Files) -> None:
        """Writes files, root's, into a container that is there."""
        self.docker.copy_in(container, archive(files))

    def wait(self, container: str, probe: Sequence[str], seconds: float = 60) -> None:
        """Until the probe ends well in the container. CloudError with the program's last words if it never does."""
        deadline = time.monotonic() + seconds
        while self.docker.exec(container, probe, check=False).returncode:
            if time.monotonic() > deadline:
                raise CloudError(f"a server of the cloud did not start: {self.last_lines(container)}")
            time.sleep(0.1)

    def stop(self, server_id: str, what: str) -> None:
        """Ends a program and removes it. Absent: nothing to do."""
        containers = dict(self.find(server_id).containers)
        container = containers.pop(what, None)
        if container:
            self.docker.remove([container])
            self.note(server_id, containers=containers)

    def note(self, server_id: str, **values: object) -> None:
        """Changes the server's state."""
        with self.store.change() as state:
            vars(_find(state, server_id)).update(values)

    def find(self, server_id: str) -> ServerState:
        """CloudError when there is none of that id."""
        return _find(self.store.read(), server_id)

    def exists(self, server_id: str) -> bool:
        """Whether it is there."""
        return server_id in self.store.read().servers

    def all(self, *kinds: str) -> list[Server]:
        """All servers, or those of these kinds."""
        found = self.store.read().servers.values()
        return [self.shown(record) for record in found if not kinds or record.kind in kinds]

    def shown(self, record: ServerState) -> Server:
        """What others may know of it."""
        containers = [record.anchor, *record.containers.values()]
        return Server(
            id=record.id,
            name=record.name,
            kind=record.kind,
            public_address=record.public_address,
            private_address=record.private_address,
            network_id=record.network_id,
            running=all(self.docker.running(container) for container in containers),
        )

    def remove(self, server_id: str) -> None:
        """Removes it with its data. Absent: nothing to do."""
        record = self.store.read().servers.get(server_id)
        if record is None:
            return
        # what shares a namespace goes before the container that holds it
        self.docker.remove([found for found in (*record.containers.values(), record.anchor) if found])
        with self.store.change() as state:
            state.servers.pop(server_id, None)

    def last_lines(self, container: str) -> str:
        """The last lines that a program of a server printed."""
        done = self.docker.call("logs", "--tail=5", container, check=False)
        return " · ".join((done.stdout + done.stderr).strip().splitlines()[-5:])


def _find(state: CloudState, server_id: str) -> ServerState:
    try:
        return state.servers[server_id]
    except KeyError:
        raise CloudError(f"the cloud has no server {server_id}") from None
