"""What the local cloud is told, and what it answers: plain data, no engine behind it."""

from __future__ import annotations

from dataclasses import dataclass


class CloudError(Exception):
    """The local cloud could not do what it was asked; the message is one that a reader can act on."""


@dataclass(frozen=True)
class Network:
    """A private network. `cidr` is what its hosts see; nothing outside of it can reach it."""

    id: str
    name: str
    cidr: str


@dataclass(frozen=True)
class HostSpec:
    """A host to make.

    `cpus` is the size's number of virtual processors, `memory_mib` its memory, `user_data` what cloud-init reads,
    `ssh_keys` the public keys that the cloud itself puts in for root, `image` the slug the cloud was asked for (every
    slug boots the host image of this machine; the slug is kept in the record).
    """

    name: str
    cpus: int
    memory_mib: int
    user_data: str
    network_id: str | None = None
    image: str = "ubuntu-24-04-x64"
    ssh_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host:
    """A host that exists. `reserved_addresses` lead to it beside `public_address`."""

    id: str
    name: str
    public_address: str
    private_address: str | None
    network_id: str | None = None
    cpus: int = 1
    memory_mib: int = 1024
    image: str = ""
    reserved_addresses: tuple[str, ...] = ()
    running: bool = True


@dataclass(frozen=True)
class InboundRule:
    """Lets something in. `protocol` is tcp, udp or icmp; `ports` is "22", "8000-8010" or "all"; `sources` are CIDRs."""

    protocol: str
    ports: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class OutboundRule:
    """Lets something out. As InboundRule, with `destinations` as CIDRs."""

    protocol: str
    ports: str
    destinations: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """One DNS record of a name: `type` is A, AAAA, CNAME, TXT, MX, NS or CAA, `value` as a zone file would have it."""

    type: str
    value: str
    ttl: int = 60
