"""What can be known before a release begins: that there is room for it and that what it needs answers."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from . import probe
from .release_config import Config
from .run import HostError

PORTS = {
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "mongodb": 27017,
    "mysql": 3306,
}
"""URL schemes of backing services, with the port that each has by default."""
BACKING_SECONDS = 20.0
"""How long a backing service may take to answer: it may just be starting."""
FREE_FILES = 50_000
"""Inodes a release may need: node_modules are many small files."""


def room(directory: Path, min_free_mib: int) -> None:
    """HostError if disk or inodes are short where `directory` lies."""
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize // 2**20
    if free < min_free_mib:
        raise HostError(f"only {free} MiB free in {directory}, a release needs {min_free_mib}")
    if status.f_files and status.f_favail < FREE_FILES:
        raise HostError(f"only {status.f_favail} files more fit in {directory}, a release needs {FREE_FILES}")


def memory(config: Config, meminfo: Path = Path("/proc/meminfo")) -> None:
    """HostError if a second copy of the services, each at its limit, does not fit in memory and swap."""
    needed = sum(service.memory_mib or 0 for service in config.services if service.has_process)
    values = {}
    for line in meminfo.read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) // 1024
    available = values.get("MemAvailable", 0) + values.get("SwapFree", 0)
    if available < needed:
        raise HostError(f"only {available} MiB of memory and swap available, a second copy may take {needed}")


def backing(variables: Mapping[str, str], names: Mapping[str, str] = MappingProxyType({})) -> None:
    """HostError with the variable's name if a backing service that a URL names takes no connection.

    `names` are addresses of what has its name elsewhere than on this host.
    """
    until = time.monotonic() + BACKING_SECONDS
    for name, value in variables.items():
        address = address_of(value)
        if address is not None:
            address = (names.get(address[0], address[0]), address[1])
        while address is not None and not probe.reachable(*address):
            if time.monotonic() > until:
                raise HostError(f"the backing service in {name} takes no connection")
            time.sleep(1)


def address_of(value: str) -> tuple[str, int] | None:
    """Host and port of a backing service's URL; None if `value` is no such thing."""
    scheme, separator, _ = value.partition("://")
    port = PORTS.get(scheme.partition("+")[0])
    if not separator or port is None:
        return None
    if scheme.endswith("+srv"):  # a name for a service record, no host
        return None
    try:
        parts = urlsplit(value)
        return (parts.hostname, parts.port or port) if parts.hostname else None
    except ValueError:
        return None
