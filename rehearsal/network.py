"""Networks of the local cloud, on top of the container engine's bridges."""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from rehearsal.addresses import GATEWAY, at, free_subnet
from rehearsal.cache import cache_directory, locked
from rehearsal.docker import Docker, DockerError
from rehearsal.model import CloudError

_ATTEMPTS = 5


def create_public(docker: Docker, name: str, labels: Sequence[str]) -> tuple[str, str]:
    """The network in which all of one rehearsal's public addresses lie: the engine's id of it, and its CIDR."""
    with locked(cache_directory() / "subnet.lock"):
        taken = _taken(docker)
        for _ in range(_ATTEMPTS):
            subnet = str(free_subnet(taken))
            where = (f"--subnet={subnet}", f"--gateway={at(subnet, GATEWAY)}")
            try:
                return _create(docker, name, [*labels, *where]), subnet
            except DockerError as error:
                if "overlap" not in str(error).lower():
                    raise
                taken.append(subnet)
    raise CloudError(f"no free subnet for {name}")


def create_carrier(docker: Docker, name: str, labels: Sequence[str]) -> str:
    """A bridge that carries a private network. Its own subnet is the engine's choice and nobody uses it: so two clouds
    on one machine can have the same private CIDR, even one that the machine itself has a route to."""
    return _create(docker, name, labels)


def join_private(docker: Docker, anchor: str, carrier: str, address: str, cidr: str, gateway: str) -> None:
    """Gives a host its second interface, eth1, with its private address; the way out stays eth0."""
    docker.call("network", "connect", carrier, anchor)
    prefix = cidr.partition("/")[2]
    commands = [
        "ip addr flush dev eth1",
        f"ip addr add {address}/{prefix} dev eth1",
        f"ip route replace default via {gateway} dev eth0",
    ]
    docker.exec(anchor, ["sh", "-c", " && ".join(commands)])


def add_address(docker: Docker, anchor: str, address: str) -> None:
    """Has a host answer at one more public address, and tells the neighbours."""
    docker.exec(anchor, ["ip", "addr", "replace", f"{address}/32", "dev", "eth0"])
    # Unasked, so nobody answers and its exit code says nothing.
    docker.exec(anchor, ["arping", "-q", "-c", "1", "-U", "-I", "eth0", address], check=False)


def remove_address(docker: Docker, anchor: str, address: str) -> None:
    """Takes an address away from a host; absent: nothing to do."""
    docker.exec(anchor, ["ip", "addr", "del", f"{address}/32", "dev", "eth0"], check=False)


def _create(docker: Docker, name: str, flags: Sequence[str]) -> str:
    mtu = f"--opt=com.docker.network.driver.mtu={machine_mtu()}"
    return docker.call("network", "create", mtu, *flags, name).stdout.strip()


def _taken(docker: Docker) -> list[str]:
    """The IPv4 networks that the engine or this machine uses already."""
    ids = docker.call("network", "ls", "--quiet").stdout.split()
    listed = json.loads(docker.call("network", "inspect", *ids).stdout) if ids else []
    found = [config.get("Subnet", "") for network in listed for config in network["IPAM"]["Config"] or []]
    return [subnet for subnet in found if subnet and ":" not in subnet] + [cidr for cidr, _ in _routes()]


def machine_mtu() -> int:
    """The packet size of this machine's way out, in bytes: a larger one inside would make connections hang."""
    devices = [device for cidr, device in _routes() if cidr == "0.0.0.0/0"]
    if not devices:
        return 1500
    return int(Path("/sys/class/net", devices[0], "mtu").read_text())


def _routes() -> list[tuple[str, str]]:
    """This machine's IPv4 routes as (CIDR, device)."""
    routes = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        device, destination, *_, mask = line.split()[:8]
        address, netmask = (socket.inet_ntoa(struct.pack("=I", int(word, 16))) for word in (destination, mask))
        routes.append((str(ipaddress.ip_network(f"{address}/{netmask}")), device))
    return routes
