"""Docker on a host: its daemon, the log-in to a registry, a guard for what Docker forwards, the product's own network.

Docker writes firewall rules of its own, ahead of UFW's: a port that a container publishes by mistake is open to the
world. The guard comes before all of them: what is forwarded has to come from a container, or be an answer. On a host
that keeps data, the engines' ports on its private address are let through too, from the VPC alone. The cloud's metadata
is not for containers: a service that can be talked into asking for any URL would hand out what the host was made with.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass

from hostfiles import systemd
from hostfiles.manifest import Directory, File, Unit
from hostfiles.text import HEADER, block, joined
from settings.product import Product

PACKAGES = ("docker.io", "docker-cli|docker.io", "docker-compose-v2|docker-compose", "nftables")
"""Ubuntu has the command line inside `docker.io` and calls Compose v2 `docker-compose-v2`; Debian 13 has two packages
for both, and its `docker-compose` is version 2."""
FORWARD = "/etc/slipway/forward.nft"
FORWARD_UNIT = "slipway-forward.service"
OBJECTS_UNIT = "slipway-docker.service"
DATA = "/opt/{product}/data"
"""What containers keep. Where the droplet has a volume, it is mounted there."""
_CREDENTIALS = "/root/.docker/config.json"
_POOLS = ("172.30.0.0/16", "172.29.0.0/16")
"""Where containers get their addresses. A VPC's range is no larger, so it can't overlap both; and it is not in 10/8,
where the cloud has ranges of its own."""
_DOCKER_HUB = ("docker.io", "https://index.docker.io/v1/")
_CHECK = 'dockerd --validate --config-file "$1"'


@dataclass(frozen=True)
class Published:
    """Ports of containers on the host's private address, for the VPC `network` alone."""

    address: str
    ports: tuple[int, ...]
    network: str


@dataclass(frozen=True)
class Volume:
    """A volume by its name in Docker, the directory below DATA that it is, and who owns that at first: `uid:gid`."""

    name: str
    folder: str
    owner: str = "0:0"


def daemon(network: str) -> str:
    """daemon.json. `network` is the VPC's range, which no container may get an address of.

    `live-restore`: an upgrade of Docker stops no container. Without the proxy, who asks is seen by the container, and
    no process of root's stands between.
    """
    vpc = ipaddress.ip_network(network)
    pool = next(pool for pool in _POOLS if not vpc.overlaps(ipaddress.ip_network(pool)))
    config = {
        "default-address-pools": [{"base": pool, "size": 24}],
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": {"max-file": "3", "max-size": "10m"},
        "no-new-privileges": True,
        "userland-proxy": False,
    }
    return json.dumps(config, indent=2) + "\n"


def credentials(product: Product, token: str) -> str:
    """config.json with the log-in to the product's registry."""
    registry = product.registry
    assert registry is not None  # noqa: S101  (a token is of a registry)
    hub, hub_key = _DOCKER_HUB
    key = hub_key if registry.server == hub else registry.server
    auth = base64.b64encode(f"{registry.user}:{token}".encode()).decode()
    return json.dumps({"auths": {key: {"auth": auth}}}, indent=2) + "\n"


def forward(published: Published | None = None) -> str:
    """The guard, for `nft -f`. It takes the place of the one before in one step."""
    rules = [
        "type filter hook forward priority filter - 10; policy drop;",
        f"ip daddr {systemd.METADATA} drop",
        "ct state established,related accept",
        'iifname "docker0" accept',
        'iifname "br-*" accept',
    ]
    if published is not None:
        ports = ", ".join(str(port) for port in sorted(published.ports))
        rules.append(
            f"meta l4proto tcp ip saddr {published.network} ct original ip daddr {published.address} "
            f"ct original proto-dst {{ {ports} }} accept"
        )
    table = "table inet slipway_forward"
    return joined([f"# {HEADER}", table, f"delete {table}", *block(table, block("chain forward", rules))])


CONTAINERD = Directory("/var/lib/containerd", "0700")
"""Older versions leave it open (CVE-2024-25621), and its database has the variables of every container."""


def directories() -> list[Directory]:
    """Where Docker's files lie."""
    return [Directory("/etc/docker"), Directory("/root/.docker", "0700"), CONTAINERD]


def files(
    product: Product, network: str, token: str | None, volumes: Sequence[Volume], published: Published | None = None
) -> list[File]:
    """Docker's configuration, the guard, and the units. `network` is the VPC's range, `token` the registry's."""
    made = [
        File(
            "/etc/docker/daemon.json",
            daemon(network),
            validate=("/bin/sh", "-c", _CHECK, "check", "{}"),
            then=("restart docker.service",),
        ),
        File(
            FORWARD,
            forward(published),
            validate=("/usr/sbin/nft", "--check", "--file", "{}"),
            then=(f"reload {FORWARD_UNIT}",),
        ),
        *systemd.files({FORWARD_UNIT: _guard(), OBJECTS_UNIT: _objects(product.name, volumes)}, OBJECTS_UNIT),
    ]
    return made if token is None else [*made, File(_CREDENTIALS, credentials(product, token), "0600")]


def absent(token: str | None) -> tuple[str, ...]:
    """What must not be there: a log-in that nobody gives any more."""
    return (_CREDENTIALS,) if token is None else ()


def units() -> list[Unit]:
    """Docker, behind its guard."""
    names = (FORWARD_UNIT, "containerd.service", "docker.socket", "docker.service", OBJECTS_UNIT)
    return [Unit(name) for name in names]


def client() -> systemd.Section:
    """What a unit may do that asks Docker: root's socket is all it needs, and the log-in to the registry."""
    return {**systemd.SANDBOX, **systemd.NO_RIGHTS, "Environment": "HOME=/root", "ProtectHome": "read-only"}


def _guard() -> str:
    command = f"/usr/sbin/nft --file {FORWARD}"
    service: systemd.Section = {
        "Type": "oneshot",
        "RemainAfterExit": "yes",
        "ExecStart": command,
        "ExecReload": command,
        **systemd.SANDBOX,
        "CapabilityBoundingSet": "CAP_NET_ADMIN",
        "RestrictAddressFamilies": "AF_NETLINK AF_UNIX",
        "MemoryDenyWriteExecute": "yes",
    }
    about = {
        "Wants": "network-pre.target",
        # where nftables.service is enabled, it starts by removing every rule
        "After": "nftables.service",
        "Before": "network-pre.target docker.service",
    }
    return systemd.unit("Let nothing from outside be forwarded", ("Service", service), systemd.AT_BOOT, about=about)


def _objects(product: str, volumes: Sequence[Volume]) -> str:
    """What outlives every release: the network that joins them, and the volumes, each a directory.

    A directory that is there keeps its owner: what runs in a container may have changed it.
    """
    commands = [f"/bin/sh -c 'docker network inspect {product} >/dev/null 2>&1 || docker network create {product}'"]
    for volume in volumes:
        owner = volume.owner.split(":")
        make = f"install --directory --owner={owner[0]} --group={owner[-1]} {volume.folder}"
        options = f"--opt type=none --opt o=bind --opt device={volume.folder}"
        commands += [
            f"/bin/sh -c 'test -d {volume.folder} || {make}'",
            f"/usr/bin/docker volume create {options} {volume.name}",
        ]
    service: systemd.Section = {"Type": "oneshot", "RemainAfterExit": "yes", "ExecStart": commands, **client()}
    about = {"Requires": "docker.service", "After": "docker.service"}
    if volumes:
        service["CapabilityBoundingSet"] = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER"
        service["ReadWritePaths"] = DATA.format(product=product)
        about["RequiresMountsFor"] = DATA.format(product=product)
    return systemd.unit(
        f"The network and the volumes of {product}'s containers", ("Service", service), systemd.AT_BOOT, about=about
    )
