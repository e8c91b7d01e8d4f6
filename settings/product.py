"""The product: what a team runs, in words that know no architecture.

The same block runs on a droplet under PM2, on Docker hosts, on a platform or in a cluster. What a kind can't carry it
says at load, by key (`settings.fits`). Mappings are in the order of their keys: Pulumi keeps no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from settings.backing import AnyBacking
from settings.values import (
    AbsolutePath,
    Account,
    Command,
    Commands,
    Commit,
    ContainerUser,
    DomainName,
    Duration,
    Email,
    ImageDigest,
    ImageTag,
    LogEndpoint,
    Many,
    Memory,
    Model,
    Name,
    Port,
    RelativePath,
    RepositoryUrl,
    Schedule,
    UrlPath,
    VariableName,
)
from settings.variables import EnvironmentValue, Generated, Secret

Role = Literal["web", "worker", "scheduler", "static"]
Runtime = Literal["python", "node"]


class Source(Model):
    """Where the product's source is. A private repository names a read-only token as a secret."""

    repository: RepositoryUrl
    token: Secret | None = None


class Registry(Model):
    """Where private images are pulled from, with a token that may only read."""

    server: DomainName
    user: Account
    token: Secret


class Release(Model):
    """What runs: a commit of the source, or one digest for each image."""

    commit: Commit | None = None
    images: dict[Name, ImageDigest] = Field(default_factory=dict)
    versions: dict[Name, ImageTag] = Field(
        default_factory=dict, description="the tag a person knows each image by; never deployed by"
    )


class Pool(Model):
    """A service's database connections: each of `workers` processes keeps `size` and opens up to `overflow` more. While
    a release takes over, both have theirs."""

    size: int = Field(ge=1, le=500)
    overflow: int = Field(default=0, ge=0, le=500)
    workers: int = Field(default=1, ge=1, le=64)


class Autoscale(Model):
    """From `replicas` up to `most`, as the processes use more than `cpu` percent of what they may."""

    most: int = Field(ge=2, le=250)
    cpu: int = Field(default=70, ge=10, le=95)


class Service(Model):
    """One process of the product. The program holds `memory` in MiB, `stop_after` and `start_within` in seconds."""

    role: Role
    runtime: Runtime | None = Field(default=None, description="for a service that runs from source")
    image: Name | None = Field(
        default=None, description="for a service that runs from an image: its key in release.images"
    )
    directory: RelativePath = "."
    install: Command | None = Field(
        default=None, description="installs what the service needs; the runtime has a default"
    )
    build: Commands = ()
    output: RelativePath | None = Field(default=None, description="static: the directory of the built files")
    assets: dict[UrlPath, RelativePath] = Field(
        default_factory=dict, description="built files that a proxy may serve by itself"
    )
    command: Command | None = Field(
        default=None,
        description="one program and its arguments. In a container no shell reads it: `sh -c '…'` where one should; "
        "under PM2 bash runs `exec <command>`, so variables and redirections are filled in",
    )
    port: Port | None = None
    health: UrlPath | None = None
    metrics: UrlPath | None = Field(
        default=None, description="what Prometheus reads, on the service's own port; visitors get 404 for it"
    )
    ready: Command | None = Field(
        default=None, description="exits 0 once a service without a port is ready; read as a job's command"
    )
    memory: Memory | None = Field(
        default=None,
        description="the most that each replica may take; no limit where it is left out, but for an app's, whose size "
        "is one. Under PM2 not its workers, which a server has options for",
    )
    cpu: float | None = Field(
        default=None,
        gt=0,
        le=64,
        description="the most CPUs that each replica may use, all of the host's where it is left out",
    )
    replicas: int = Field(default=1, ge=1, le=50)
    autoscale: Autoscale | None = None
    stop_after: Duration = 30
    start_within: Duration = 60
    environment: dict[VariableName, EnvironmentValue] = Field(
        default_factory=dict, description="for this service alone, over the product's"
    )
    volumes: dict[Name, AbsolutePath] = Field(default_factory=dict)
    pool: Pool | None = None
    read_only: bool = Field(default=True, description="a container's root file system")
    user: ContainerUser | None = Field(
        default=None, description="uid:gid that a container runs as, where its image does not say one"
    )


class Route(Model):
    """Requests for `host` (the product's domain where it is left out) below `path` go to `service`."""

    path: UrlPath = Field(
        default="/",
        description="a prefix: a web service is asked for the whole path, static files are looked up below it",
    )
    host: DomainName | None = None
    service: Name
    streaming: bool = Field(
        default=False, description="WebSocket or server-sent events: no buffering, a long read timeout"
    )
    timeout: Duration = 60


def leading(routes: Iterable[Route], path: str) -> Route | None:
    """The one of a name's routes that a request for `path` takes."""
    fitting = [route for route in routes if f"{path}/".startswith(route.path.rstrip("/") + "/")]
    return max(fitting, key=lambda route: len(route.path), default=None)


class Job(Model):
    """Runs once: around a release, or by a schedule."""

    service: Name
    command: Command = Field(description="as a service's; under PM2 bash reads all of it")
    when: Literal["before-switch", "after-switch"] | None = None
    schedule: Schedule | None = None
    timeout: Duration = 600
    backward_compatible: bool | None = Field(
        default=None,
        description="the release before can run on the database after this job; taken to be true where nobody says",
    )


class Logs(Model):
    """Where the logs of every service are sent, beside being kept where the services run."""

    provider: Literal["papertrail", "datadog", "logtail", "opensearch", "loki"]
    endpoint: LogEndpoint
    token: Secret | None = None


class Product(Model):
    """A product, whole."""

    name: Name
    domain: DomainName
    aliases: Many[DomainName] = ()
    contact: Email
    source: Source | None = None
    registry: Registry | None = None
    release: Release
    services: dict[Name, Service] = Field(min_length=1)
    routes: Many[Route] = ()
    jobs: dict[Name, Job] = Field(default_factory=dict)
    backing: dict[Name, AnyBacking] = Field(default_factory=dict)
    environment: dict[VariableName, EnvironmentValue] = Field(default_factory=dict)
    logs: Logs | None = None

    @property
    def domains(self) -> tuple[str, ...]:
        """Every name the product answers to, the main one first. In whatever order the others are told, it is one here:
        a certificate of them is the same."""
        others = {*self.aliases, *(route.host for route in self.routes if route.host)}
        return (self.domain, *sorted(others - {self.domain}))

    @property
    def own_names(self) -> tuple[str, ...]:
        """The product's name and those that only repeat it."""
        return tuple(name for name in self.domains if name == self.domain or name in self.aliases)

    def name_of(self, route: Route) -> str:
        """The name that a route is of: its own, else the main one."""
        return route.host or self.domain

    @property
    def routed_names(self) -> tuple[str, ...]:
        """The names that have routes of their own, the main one first; an alias only repeats another's."""
        routed = {self.name_of(route) for route in self.routes}
        return tuple(name for name in self.domains if name in routed and name not in self.aliases)

    def routes_of(self, name: str) -> list[Route]:
        """The routes of one of the product's names."""
        return [route for route in self.routes if self.name_of(route) == name]

    def health_seen(self, name: str, service: str) -> str | None:
        """The service's health path, if a visitor of `name` who asks for it gets to the service."""
        health = self.services[service].health
        route = leading(self.routes_of(name), health) if health is not None else None
        return health if route is not None and route.service == service else None

    def services_of(self, *roles: Role) -> dict[str, Service]:
        """The services of these roles, in the order of the roles and then of the stack file."""
        return {name: service for role in roles for name, service in self.services.items() if service.role == role}

    def generated_values(self) -> Iterator[tuple[str, Generated]]:
        """(key, how long) of each text that is generated. The key is its variable, `<service>.<VARIABLE>` if it is one
        service's own."""
        for variable, value in self.environment.items():
            if isinstance(value, Generated):
                yield variable, value
        for name, service in self.services.items():
            for variable, value in service.environment.items():
                if isinstance(value, Generated):
                    yield f"{name}.{variable}", value

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """(key path, secret's name) for each secret that the product names."""
        if self.source and self.source.token:
            yield "source.token", self.source.token.secret
        if self.registry:
            yield "registry.token", self.registry.token.secret
        if self.logs and self.logs.token:
            yield "logs.token", self.logs.token.secret
        for name, backing in self.backing.items():
            for field in ("url", "access_key", "secret_key"):
                value = getattr(backing, field, None)
                if isinstance(value, Secret):
                    yield f"backing.{name}.{field}", value.secret
        for variable, value in self.environment.items():
            if isinstance(value, Secret):
                yield f"environment.{variable}", value.secret
        for name, service in self.services.items():
            for variable, value in service.environment.items():
                if isinstance(value, Secret):
                    yield f"services.{name}.environment.{variable}", value.secret
