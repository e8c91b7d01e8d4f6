"""What is released on a host that runs containers: its release.json, and where what only such a host has lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import release_config
from .release_config import SLOTS, STARTED, BaseConfig, BaseService, Layout

KIND = "compose"
DUMPED = ("postgres", "mongodb")


@dataclass(frozen=True, kw_only=True)
class ComposeService(BaseService):
    """One service that runs from an image. In each slot a web service has consecutive ports, one for each replica."""

    ports: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def slot_ports(self, slot: str) -> list[int]:
        """Where the replicas in `slot` listen on this machine, one port each."""
        if self.role != "web":
            return []
        first, last = self.ports[slot]
        return list(range(first, last + 1))

    @property
    def variable(self) -> str:
        """The service's name as it begins variables of compose.yaml."""
        return self.name.upper().replace("-", "_")


@dataclass(frozen=True)
class Front:
    """Where nginx answers visitors: behind a balancer that ends TLS this is plain HTTP."""

    port: int = 443
    tls: bool = True


@dataclass(frozen=True)
class Dump:
    """A database that is dumped before a migration, with the tools of `image` and what `env_file` tells them."""

    name: str
    engine: str
    image: str
    env_file: Path


@dataclass(frozen=True, kw_only=True)
class ComposeConfig(BaseConfig[ComposeService]):
    """How to run a product from images. `must_not_be_true` are variables that switch on what visitors must not see."""

    front: Front = Front()
    dumps: tuple[Dump, ...] = ()
    must_not_be_true: tuple[str, ...] = ()

    def project(self, slot: str) -> str:
        """The name of a slot's Compose project."""
        return f"{self.product}-{slot}"


class ComposeLayout(Layout):
    """The paths of a host that runs containers; all belong to root."""

    @property
    def logs(self) -> Path:
        """See Layout."""
        return self.root / "logs"

    @property
    def compose(self) -> Path:
        """The product's compose file, as last applied."""
        return self.root / "compose" / "docker-compose.prod.yml"

    @property
    def backups(self) -> Path:
        """Dumps, one directory for each release that they were taken before."""
        return self.root / "backups"

    @property
    def drained(self) -> Path:
        """There while the balancer is to send nobody here."""
        return self.root / "drained"

    def variables(self, service: str) -> Path:
        """A service's variables, as last applied."""
        return self.root / "env" / f"{service}.env"


def load(path: Path) -> ComposeConfig:
    """The config in the file `path`; HostError if it can't be read or names what is wrong in it."""
    return parse(release_config.content(path))


def parse(text: str) -> ComposeConfig:
    """`text` of a release.json. HostError names the key that is wrong."""
    return release_config.checked(release_config.document(text), _config)


def of_release(home: Path) -> Mapping[str, Any]:
    """What identity.json of a release says beside its texts: images, services, versions, leader. Empty until whole."""
    try:
        data = json.loads((home / "identity.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _config(data: Mapping[str, Any]) -> ComposeConfig:
    front = data.get("front", {})
    return ComposeConfig(
        **release_config.common(data),
        services=tuple(_service(entry) for entry in data["services"]),
        front=Front(int(front.get("port", 443)), bool(front.get("tls", True))),
        dumps=tuple(_dump(entry) for entry in data.get("dumps", ())),
        must_not_be_true=tuple(data.get("must_not_be_true", ())),
    )


def _service(entry: Mapping[str, Any]) -> ComposeService:
    known = ComposeService.__dataclass_fields__
    values = {key: value for key, value in entry.items() if key in known and value is not None}
    values["ports"] = {slot: (int(first), int(last)) for slot, (first, last) in values.get("ports", {}).items()}
    service = ComposeService(**values)
    if service.role not in STARTED:
        raise ValueError(f"services.{service.name}.role: {service.role!r} does not run from an image")
    if service.role == "web":
        if not service.health:
            raise ValueError(f"services.{service.name} has no health")
        for slot in SLOTS:
            first, last = service.ports[slot]
            if last - first + 1 != service.replicas:
                raise ValueError(
                    f"services.{service.name}.ports.{slot} are not {service.replicas}, one for each replica"
                )
    return service


def _dump(entry: Mapping[str, Any]) -> Dump:
    dump = Dump(str(entry["name"]), str(entry["engine"]), str(entry["image"]), Path(entry["env_file"]))
    if dump.engine not in DUMPED:
        raise ValueError(f"dumps.{dump.name}.engine: {dump.engine!r} is not dumped, only {' and '.join(DUMPED)} are")
    return dump
