"""The manifest: everything a host should be, as plain data. It is the contract with `slipway apply`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class User:
    """An account. A `system` one gets a low id, no password and the shell that is named."""

    name: str
    home: str
    shell: str = "/usr/sbin/nologin"
    system: bool = True
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Directory:
    """A directory with its mode (octal text) and owner."""

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class File:
    """A whole file.

    `validate` is the argument list of a program that must exit 0 before the file takes its place; `{}` stands for the
    path of the new text. `then` are actions that run once after all files, where the file changed: "reload <unit>",
    "restart <unit>", "daemon-reload", "sysctl", "tmpfiles".
    """

    path: str
    content: str = dataclasses.field(repr=False)  # may hold secrets: never in a traceback
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    validate: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A systemd unit and the state it should be in."""

    name: str
    enabled: bool = True
    running: bool = True


@dataclass(frozen=True)
class Firewall:
    """UFW: `ssh_from` may reach port 22, everybody the ports in `tcp`, nobody anything else."""

    ssh_from: tuple[str, ...]
    tcp: tuple[int, ...]


@dataclass(frozen=True)
class Toolchain:
    """Node's exact version, and exact versions of global npm packages."""

    node: str
    npm: dict[str, str]


@dataclass(frozen=True)
class Certificate:
    """One certificate for all `domains`, the first of which names its directory, from the ACME `directory`."""

    domains: tuple[str, ...]
    email: str
    directory: str


@dataclass(frozen=True)
class HAProxyCertificate(Certificate):
    """The same for HAProxy, which wants certificate and key in one file, and to be told of new ones."""

    served_by: str = "haproxy"


@dataclass(frozen=True)
class Manifest:
    """A host, whole. `swap_mib` is in MiB, 0 for none."""

    product: str
    hostname: str
    swap_mib: int
    packages: tuple[str, ...]
    toolchain: Toolchain | None
    users: tuple[User, ...]
    directories: tuple[Directory, ...]
    files: tuple[File, ...]
    absent: tuple[str, ...]
    units: tuple[Unit, ...]
    firewall: Firewall | None
    certificate: Certificate | None

    def as_dict(self) -> dict[str, Any]:
        """The manifest as plain dicts and tuples, ready for JSON. Holds secrets in `files[].content`."""
        return dataclasses.asdict(self)
