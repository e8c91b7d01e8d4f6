"""Backing services that run on our own hosts: a Compose project of their own, which no release touches.

Beside the product they are on its network, under their names, and publish nothing. On a host that keeps data for a
fleet they publish on the private address; who gets through to that, docker.forward says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hostfiles import compose, docker, engines, environment, systemd
from hostfiles.manifest import File, Unit
from settings.backing import engine_image
from settings.placement import data_hosts, hosted, memory_apart, memory_beside
from settings.product import Product

UNIT = "slipway-data-services.service"
_PATIENCE = 900
"""Seconds for images to come and for servers to be well: a database may have to go through its log first."""


@dataclass(frozen=True)
class Place:
    """A host and the backing services that it runs. `memory` is the host's, in MiB.

    `number` is a data host's among the fleet's, and `hosts` are the private addresses of all of them, in their order;
    without any, the services run beside the product.
    """

    memory: int
    names: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    number: int = 0

    @property
    def address(self) -> str | None:
        """The private address that is published on."""
        return self.hosts[self.number] if self.hosts else None


def beside(product: Product, memory: int) -> Place:
    """The host that runs everything."""
    return Place(memory, tuple(hosted(product)))


def apart(product: Product, memory: int, hosts: Sequence[str], number: int) -> Place:
    """One of a fleet's data hosts."""
    return Place(memory, data_hosts(product)[number], tuple(hosts), number)


def facts(product: Product, passwords: Mapping[str, str], hosts: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """How services reach each backing service; `hosts` as in Place."""
    return {
        name: engines.facts(product, name, passwords[name], _where(product, name, hosts)) for name in hosted(product)
    }


def model(product: Product, place: Place, passwords: Mapping[str, str]) -> compose.Model:
    """The compose file. It holds no secret: they are in files of root's beside it."""
    made: compose.Model = {"services": {name: _service(product, place, name, passwords) for name in place.names}}
    if place.address is None:
        made["networks"] = {"default": {"name": product.name, "external": True}}
    names = {name: _volume(product, name) for name in place.names}
    made["volumes"] = {name: {"name": volume, "external": True} for name, volume in names.items()}
    return made


def files(product: Product, place: Place, passwords: Mapping[str, str]) -> list[File]:
    """The compose file, what its containers are told, and the unit that brings them up."""
    if not place.names:
        return []
    again = (f"reload {UNIT}",)
    made = [File(_compose_file(product), compose.text(model(product, place, passwords)), "0600", then=again)]
    for name in place.names:
        engine = _engine(product, place, name, passwords)
        told = environment.compose_env_file(engine.variables)
        made.append(File(f"{_told(product, name)}.env", told, "0600", then=again))
        if engine.file is not None:
            made.append(File(f"{_told(product, name)}.file", engine.file, "0600", then=again))
    return [*made, *systemd.files({UNIT: _unit(product)})]


def volumes(product: Product, place: Place) -> list[docker.Volume]:
    """Where the data is."""
    folder = docker.DATA.format(product=product.name)
    return [docker.Volume(_volume(product, name), f"{folder}/{name}") for name in place.names]


def published(product: Product, place: Place, network: str) -> docker.Published | None:
    """What the guard lets through to a data host."""
    if place.address is None:
        return None
    ports = sorted(engines.PORTS[product.backing[name].engine] for name in place.names)
    return docker.Published(place.address, tuple(ports), network)


def units(place: Place) -> list[Unit]:
    """The state it should be in."""
    return [Unit(UNIT)] if place.names else []


def _where(product: Product, name: str, hosts: Sequence[str]) -> list[str]:
    """The names or addresses of a backing service's members."""
    if not hosts:
        return [name]
    return [host for host, names in zip(hosts, data_hosts(product), strict=True) if name in names]


def _limit(product: Product, place: Place, name: str) -> int:
    backing = hosted(product)[name]
    if place.address is None:
        return memory_beside(backing, place.memory)
    return memory_apart(backing, place.memory, len(place.names))


def _engine(product: Product, place: Place, name: str, passwords: Mapping[str, str]) -> engines.Engine:
    limit = _limit(product, place, name)
    return engines.engine(product, name, passwords, limit, _where(product, name, place.hosts), place.number)


def _service(product: Product, place: Place, name: str, passwords: Mapping[str, str]) -> compose.Model:
    backing, engine = hosted(product)[name], _engine(product, place, name, passwords)
    folder = _told(product, name)
    made: compose.Model = {
        "image": engine_image(backing),
        "env_file": [f"{folder}.env"],
        "restart": "unless-stopped",
        **engine.container,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges=true"],
        "stop_grace_period": "120s",
        "volumes": [f"{name}:{engine.data}"],
        "deploy": compose.limits(_limit(product, place, name), processes=engines.MOST_PROCESSES),
    }
    if engine.file is not None:
        made["volumes"].append(f"{folder}.file:{engines.FILE}:ro")
        # Compose makes a container anew when its own settings change, and doesn't look into files
        made["labels"] = {"slipway.file": hashlib.sha256(engine.file.encode()).hexdigest()[:16]}
    if place.address is not None:
        port = engines.PORTS[backing.engine]
        made["ports"] = [f"{place.address}:{port}:{port}"]
    return made


def _unit(product: Product) -> str:
    project = f"--project-name {product.name}-data --file {_compose_file(product)}"
    command = f"/usr/bin/docker compose {project} up --detach --wait --remove-orphans --quiet-pull"
    service: systemd.Section = {
        "Type": "oneshot",
        "RemainAfterExit": "yes",
        "ExecStart": command,
        "ExecReload": command,
        "TimeoutStartSec": str(_PATIENCE),
        **docker.client(),
    }
    about = {
        "Requires": f"docker.service {docker.OBJECTS_UNIT}",
        "Wants": "network-online.target",
        "After": f"docker.service {docker.OBJECTS_UNIT} network-online.target",
    }
    description = f"What {product.name} keeps its data in"
    return systemd.unit(description, ("Service", service), systemd.AT_BOOT, about=about)


def _compose_file(product: Product) -> str:
    return f"/opt/{product.name}/compose/data.yaml"


def _told(product: Product, name: str) -> str:
    """The start of the paths of what a container is told. No service has an underscore in its name."""
    return f"/opt/{product.name}/env/data_{name}"


def _volume(product: Product, name: str) -> str:
    return f"{product.name}_data_{name}"
