"""What the local cloud knows of itself, in one file that several processes read and change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from rehearsal.cache import locked
from rehearsal.model import Certificate, CloudError, Network, Record


@dataclass
class HostState:
    """A host: what was asked for, where it is, and the ids of its two containers."""

    id: str
    name: str
    public_address: str
    private_address: str | None
    network_id: str | None
    cpus: int
    memory_mib: int
    image: str
    anchor: str = ""  # the container that holds the network namespace
    container: str = ""  # the container that is the machine
    firewall: str | None = None  # as nft reads it


@dataclass
class ServerState:
    """A server of the cloud's own (see model.Server): where it is, its containers, and what it was told last."""

    id: str
    name: str
    kind: str
    network_id: str
    public_address: str
    private_address: str
    anchor: str = ""
    containers: dict[str, str] = field(default_factory=dict)  # by what runs in them
    names: tuple[str, ...] = ()  # that its certificate is for
    passwords: dict[str, str] = field(default_factory=dict)  # by user: hence the file's mode
    trusted: list[str] | None = None  # CIDRs that reach it; None: everybody
    source: str | None = None  # the server that it is a replica of; of an instance, its app's
    part: str = ""  # of an instance: the app's component
    deployment: str = ""  # of an instance: which one started it; of an app: which one serves
    image: str = ""  # of an instance: by its digest


@dataclass
class CloudState:
    """The whole cloud. Ids of containers and networks are the container engine's."""

    subnet: str = ""
    public_network: str = ""
    host_image: str = ""
    internet_image: str = ""
    internet: str = ""
    outsider: str = ""
    authorities: dict[str, str] = field(default_factory=dict)  # PEM by name
    networks: dict[str, Network] = field(default_factory=dict)
    carriers: dict[str, str] = field(default_factory=dict)  # the engine's network, by private network
    hosts: dict[str, HostState] = field(default_factory=dict)
    reserved: dict[str, str | None] = field(default_factory=dict)  # address: the host it leads to
    records: dict[str, list[Record]] = field(default_factory=dict)
    databases: dict[str, str] = field(default_factory=dict)  # URL by name, with its password: hence the file's mode
    servers: dict[str, ServerState] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)  # by name
    database_authority: Certificate | None = None

    def public_addresses(self) -> set[str]:
        """Those that hosts and servers have."""
        return {member.public_address for member in self._everybody()}

    def members(self, network_id: str) -> dict[str, str]:
        """Who is in a private network: names by private address."""
        return {
            member.private_address: member.name
            for member in self._everybody()
            if member.network_id == network_id and member.private_address
        }

    def _everybody(self) -> list[HostState | ServerState]:
        return [*self.hosts.values(), *self.servers.values()]


_ADAPTER = TypeAdapter(CloudState)


class Store:
    """Reads and changes the state in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file = directory / "cloud.json"

    def read(self) -> CloudState:
        """The state as it is now; an empty one before the first change."""
        try:
            return _ADAPTER.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return CloudState()
        except ValueError as error:
            raise CloudError(f"{self._file} is not the state of a local cloud: {error}") from error

    @contextmanager
    def change(self) -> Iterator[CloudState]:
        """The state to be changed, written back at the end unless something was raised. Keep it short: others wait."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.directory / "cloud.lock"):
            state = self.read()
            yield state
            partial = self._file.with_suffix(".new")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(_ADAPTER.dump_json(state, indent=1))
            partial.replace(self._file)
