"""What the stand-ins need of the local cloud, and how a plugin process finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rehearsal.model import AppSpec, Balancing, DatabaseSpec, Pool


@dataclass(frozen=True)
class Machine:
    """A host to boot: sizes in MiB and GB, `user_data` as cloud-init reads it, `ssh_keys` for root."""

    name: str
    cpus: int
    memory: int
    disk: int
    image: str
    network: str
    user_data: str
    ssh_keys: tuple[str, ...]


@dataclass(frozen=True)
class Addresses:
    """Where a host is reached: from outside, and inside its network."""

    public: str
    private: str


@dataclass(frozen=True)
class Opening:
    """One thing that a firewall lets pass, from or to these CIDRs.

    `protocol` is tcp, udp or icmp; `ports` is `80`, `8000-9000` or `all`.
    """

    protocol: str
    ports: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Name:
    """One DNS record with its whole name, no dot at the end."""

    name: str
    type: str
    value: str
    ttl: int


class Cloud(Protocol):
    """The local cloud as the handlers see it. Ids are the provider's own."""

    def add_network(self, network: str, name: str, cidr: str) -> None:
        """Makes a private network."""

    def remove_network(self, network: str) -> None:
        """Removes it; nothing is left in it."""

    def boot(self, host: str, machine: Machine) -> Addresses:
        """Makes a host and waits until it has its addresses (not until it has booted)."""

    def exists(self, host: str) -> bool:
        """Whether the host is still there."""

    def resize(self, host: str, cpus: int, memory: int) -> None:
        """Powers it off, gives it another size, powers it on."""

    def remove(self, host: str) -> None:
        """Removes the host."""

    def shield(self, host: str, inbound: Sequence[Opening] | None, outbound: Sequence[Opening]) -> None:
        """What reaches the host and what leaves it; `inbound` None: no firewall stands before it."""

    def reserve(self) -> str:
        """An address that outlives a host."""

    def release(self, address: str) -> None:
        """Gives the address back."""

    def assign(self, address: str, host: str | None) -> None:
        """Leads the address to the host, or nowhere."""

    def certify(self, name: str, domains: Sequence[str]) -> None:
        """Gets a certificate for these names from the authority that everybody trusts, and keeps it."""

    def keep_certificate(self, name: str, chain: str, key: str) -> None:
        """Keeps one that the customer brought. Raises CloudError where its key does not fit."""

    def forget_certificate(self, name: str) -> None:
        """Nothing uses it any more."""

    def add_balancer(self, balancer: str, name: str, network: str) -> Addresses:
        """Makes a load balancer that answers nobody yet."""

    def balance(self, balancer: str, balancing: Balancing) -> None:
        """Has it do this from now on, and break no connection for it."""

    def serves(self, server: str) -> bool:
        """Whether a balancer, a database or an app is still there."""

    def remove_server(self, server: str) -> None:
        """Removes a balancer, a database with its data, or an app with its instances."""

    def add_app(self, app: str, name: str, network: str) -> Addresses:
        """Makes an app that answers nobody yet."""

    def deploy(self, app: str, spec: AppSpec, deployment: str, admit: Callable[[Sequence[str]], None]) -> None:
        """Brings a deployment to its end, and tells `admit` all private addresses of the app before something starts.
        Raises DeploymentError where it fails; what served before still does."""

    def receive_logs(self, app: str, endpoint: str) -> str:
        """Has somebody take logs at this endpoint; the address that its name leads to."""

    def add_database(self, database: str, spec: DatabaseSpec) -> Addresses:
        """Makes a database server and waits until it answers. Network and source are the provider's ids."""

    def resize_database(self, database: str, memory: int, connections: int) -> None:
        """Gives it another size."""

    def trust(self, database: str, sources: Sequence[str] | None) -> None:
        """Who reaches it, by CIDR; None: everybody."""

    def set_eviction(self, database: str, policy: str) -> None:
        """What Valkey throws away first."""

    def password(self, database: str, user: str | None = None) -> str:
        """A user's password, else the administrator's."""

    def add_user(self, database: str, user: str) -> str:
        """Another user; the password."""

    def remove_user(self, database: str, user: str) -> None:
        """Takes the user away. Raises CloudError while the user owns something."""

    def add_schema(self, database: str, name: str) -> None:
        """Another database on the server."""

    def remove_schema(self, database: str, name: str) -> None:
        """Removes one with its data."""

    def set_pools(self, database: str, pools: Sequence[Pool]) -> None:
        """All pools that it has from now on."""

    def authority(self, engine: str) -> str:
        """The root, in PEM, that the certificates of databases of an engine go back to."""

    def add_bucket(self, bucket: str) -> None:
        """Makes a bucket."""

    def remove_bucket(self, bucket: str) -> None:
        """Removes it with all that is in it."""

    def set_key(self, key: str, secret: str | None, grants: Sequence[Mapping[str, str]]) -> None:
        """Lets a key into these buckets and no others; without a secret it keeps the one that it has."""

    def remove_key(self, key: str) -> None:
        """Nobody gets in with it any more."""

    def publish_names(self, names: Sequence[Name]) -> None:
        """The records that the resolver answers with, all of them."""


def rules_of(openings: Sequence[Opening]) -> list[Mapping[str, object]]:
    """The openings as plain data, in one order."""
    return sorted(
        ({"protocol": item.protocol, "ports": item.ports, "others": sorted(item.others)} for item in openings), key=str
    )
