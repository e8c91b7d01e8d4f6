"""What is asked of the coordinator, as JSON on standard input."""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.fleet.protocol import FleetError
from scripts.host.request import request_of
from scripts.host.run import HostError

EXPIRES_SECONDS = 45
"""How long a host's lock outlives the last word of its owner, where the order does not say."""
SHORTEST_SECONDS = 15
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


@dataclass(frozen=True)
class Host:
    """Where a host is, and the key by which it is known to be the right one."""

    name: str
    address: str
    host_key: str
    port: int = 22


@dataclass(frozen=True)
class Order:
    """What to do with which hosts, in their fixed order: the first one leads. `request` may be left out to recover."""

    hosts: tuple[Host, ...]
    owner: str
    private_key: str = field(repr=False)
    request: Mapping[str, Any] | None = field(default=None, repr=False)
    expires_in: int = EXPIRES_SECONDS
    take_over: bool = False


def read(text: str) -> Order:
    """The order in `text`; FleetError names the key that is wrong, and nothing that may be a secret."""
    try:
        data = json.loads(text)
    except ValueError:
        raise FleetError("the order on standard input is not JSON") from None
    if not isinstance(data, dict):
        raise FleetError("the order on standard input is not a JSON object")
    hosts = data.get("hosts")
    if not isinstance(hosts, list) or not hosts:
        raise FleetError("hosts: a list of at least one host is wanted")
    found = tuple(_host(f"hosts[{number}]", host) for number, host in enumerate(hosts))
    for name in ("name", "address"):
        values = [getattr(host, name) for host in found]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise FleetError(f"hosts: two have the {name} {twice!r}")
    return Order(
        hosts=found,
        owner=f"{_text(data, 'owner')} ({_myself()})",
        private_key=_text(data, "private_key"),
        request=_request(data.get("request")),
        expires_in=_seconds(data.get("expires_in", EXPIRES_SECONDS)),
        take_over=data.get("take_over") is True,
    )


def _host(key: str, data: Any) -> Host:
    if not isinstance(data, dict):
        raise FleetError(f"{key}: an object with name, address and host_key is wanted")
    name, address, host_key = (_text(data, name, f"{key}.") for name in ("name", "address", "host_key"))
    host = Host(name, address, host_key, data.get("port", 22))
    if isinstance(host.port, bool) or not isinstance(host.port, int) or not 0 < host.port < 65536:
        raise FleetError(f"{key}.port: a number from 1 to 65535 is wanted")
    if not NAME.fullmatch(host.name):
        raise FleetError(f"{key}.name: {host.name!r} is no host's name")
    return host


def _text(data: Mapping[str, Any], name: str, path: str = "") -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise FleetError(f"{path}{name}: a text is wanted")
    return value.strip() if name != "private_key" else value


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < SHORTEST_SECONDS:
        raise FleetError(f"expires_in: whole seconds are wanted, {SHORTEST_SECONDS} at least")
    return value


def _request(data: Any) -> Mapping[str, Any] | None:
    if data is None:
        return None
    try:
        images = request_of({"owner": "", **data}).images
    except (HostError, TypeError) as error:
        raise FleetError(
            f"request: {error.reason if isinstance(error, HostError) else 'an object is wanted'}"
        ) from None
    if not images:
        raise FleetError("request.images: a fleet releases images, one digest for each")
    return dict(data)


def _myself() -> str:
    """Who runs this and where: two who type the same are told apart by it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as containers have it
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
