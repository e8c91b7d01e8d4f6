"""What is released and where: /etc/slipway/release.json as frozen values, and every path that a release touches.

What is so on every kind of host, and what a host with PM2 has beside it; compose_config.py has what containers need.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from .run import HostError

SLOTS = ("blue", "green")
SECOND_SLOT_PORTS = 1000
"""What the green slot adds to a service's port, so that both slots can listen at once."""
SOCKET_SERVERS = frozenset({"gunicorn", "uvicorn"})
"""Servers that are told by their environment to listen on a unix socket; any other gets PORT and a socket proxy."""
STARTED = ("web", "worker", "scheduler")
"""Roles that have a process; a static service is only built."""


@dataclass(frozen=True, kw_only=True)
class BaseService:
    """What a service is on every kind of host. `start_within` and `stop_after` in seconds."""

    name: str
    role: str
    port: int | None = None
    health: str | None = None
    ready: str | None = None
    start_within: int = 60
    stop_after: int = 30
    replicas: int = 1


@dataclass(frozen=True, kw_only=True)
class Service(BaseService):
    """One service that runs from source. `memory_mib` in MiB."""

    runtime: str
    directory: str = "."
    install: str | None = None
    build: tuple[str, ...] = ()
    command: str | None = None
    server: str | None = None
    memory_mib: int | None = None
    output: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_process(self) -> bool:
        """Whether it runs; a static service does not."""
        return self.role in STARTED

    def slot_port(self, slot: str) -> int | None:
        """The TCP port of this service in `slot`, None if it has none."""
        return None if self.port is None else self.port + SECOND_SLOT_PORTS * SLOTS.index(slot)


@dataclass(frozen=True)
class Job:
    """A command that runs once in a release. `timeout` in seconds, `when` is before-switch or after-switch."""

    name: str
    service: str
    command: str
    when: str
    timeout: int = 600


AnyService = TypeVar("AnyService", bound=BaseService)


@dataclass(frozen=True, kw_only=True)
class BaseConfig(Generic[AnyService]):
    """What is told of a product on every kind of host. `drain_seconds` in seconds, `min_free_mib` in MiB of disk."""

    product: str
    root: Path
    domain: str
    services: tuple[AnyService, ...]
    jobs: tuple[Job, ...] = ()
    verify: tuple[str, ...] = ()
    keep: int = 5
    drain_seconds: float = 3
    min_free_mib: int = 1024

    def service(self, name: str) -> AnyService:
        """The service of this name; HostError if there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise HostError(f"release.json has no service {name!r}")

    def with_role(self, *roles: str) -> list[AnyService]:
        """Services of these roles in start order."""
        return [service for service in self.services if service.role in roles]


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig[Service]):
    """How to build and run a product from source, under PM2."""

    user: str
    repository: str
    backing: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The systemd unit that owns the product's PM2."""
        return f"pm2-{self.product}.service"


def parse(text: str) -> Config:
    """`text` of a release.json as a Config. HostError names the key that is wrong."""
    return checked(document(text), _config)


def load(path: Path) -> Config:
    """The Config in the file `path`; HostError if it can't be read."""
    return parse(content(path))


def content(path: Path) -> str:
    """The text of a release.json; HostError if it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from None


def document(text: str) -> dict[str, Any]:
    """What a release.json holds, not yet looked at."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise HostError(f"release.json is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise HostError("release.json is not an object")
    return data


AnyConfig = TypeVar("AnyConfig", bound="BaseConfig[Any]")


def checked(data: Mapping[str, Any], make: Callable[[Mapping[str, Any]], AnyConfig]) -> AnyConfig:
    """What `make` makes of a release.json. HostError names the key that is wrong."""
    try:
        config = make(data)
    except KeyError as error:
        raise HostError(f"release.json lacks {error.args[0]}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise HostError(f"release.json: {error}") from None
    for job in config.jobs:
        config.service(job.service)
    return config


def common(data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of BaseConfig, without the services."""
    return {
        "product": str(data["product"]),
        "root": Path(data["root"]),
        "domain": str(data["domain"]),
        "jobs": tuple(
            Job(entry["name"], entry["service"], entry["command"], entry["when"], int(entry.get("timeout", 600)))
            for entry in data.get("jobs", ())
        ),
        "verify": tuple(data.get("verify", ())),
        "keep": max(2, int(data.get("keep", 5))),
        "drain_seconds": float(data.get("drain_seconds", 3)),
        "min_free_mib": int(data.get("min_free_mib", 1024)),
    }


def _config(data: Mapping[str, Any]) -> Config:
    return Config(
        **common(data),
        user=str(data["user"]),
        repository=str(data["repository"]),
        services=tuple(_service(entry) for entry in data["services"]),
        backing=tuple(data.get("backing", ())),
    )


def _service(entry: Mapping[str, Any]) -> Service:
    known = Service.__dataclass_fields__
    values = {key: value for key, value in entry.items() if key in known and value is not None}
    values["build"] = tuple(values.get("build", ()))
    service = Service(**values)
    inside = Path(service.directory)
    if inside.is_absolute() or ".." in inside.parts:
        raise ValueError(f"services.{service.name}.directory leads out of the checkout")
    if service.has_process and not service.command:
        raise ValueError(f"services.{service.name} has no command")
    return service


@dataclass(frozen=True)
class Layout:
    """Where everything of a release lies. Only `root` is readable by others than root."""

    root: Path
    state: Path = Path("/var/lib/slipway")
    etc: Path = Path("/etc/slipway")
    run: Path = Path("/run")

    @property
    def config(self) -> Path:
        """How to build and run the product, as last applied."""
        return self.etc / "release.json"

    @property
    def environment(self) -> Path:
        """The product's variables, as last applied."""
        return self.root / ".env"

    @property
    def ecosystem(self) -> Path:
        """PM2's list of processes, as last applied."""
        return self.root / "ecosystem.config.js"

    @property
    def site(self) -> Path:
        """nginx's routes, as last applied."""
        return self.etc / "site.conf"

    @property
    def read_only(self) -> Path:
        """There while nginx is to refuse whatever may change something."""
        return self.etc / "read-only"

    @property
    def serving(self) -> Path:
        """The link that nginx reads its routes through. Only root writes where it lies, unlike beside `current`."""
        return self.root / "slots" / "serving"

    @property
    def current(self) -> Path:
        """The link to the slot that serves: one rename of it switches everything."""
        return self.root / "current"

    @property
    def previous(self) -> Path:
        """The link to the slot that served before."""
        return self.root / "previous"

    @property
    def repository(self) -> Path:
        """A bare mirror of the product's source."""
        return self.root / "repository"

    @property
    def releases(self) -> Path:
        """One directory per release that is kept."""
        return self.root / "releases"

    def slot(self, slot: str) -> Path:
        """The link that says which release a slot has."""
        return self.root / "slots" / slot

    def release(self, release: str) -> Path:
        """The directory of one release."""
        return self.releases / release

    @property
    def logs(self) -> Path:
        """What the commands of each release wrote, secrets masked."""
        return self.state / "logs"

    def log(self, release: str) -> Path:
        """The log of one release; it stays when the release is gone."""
        return self.logs / f"{release}.log"


def identity(home: Path) -> dict[str, str]:
    """What the release in `home` was made of: release, commit, revision. Empty until it is whole."""
    try:
        data = json.loads((home / "identity.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in data.items() if isinstance(value, str)}
