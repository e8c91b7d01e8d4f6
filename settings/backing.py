"""Backing services: what a product needs beside its own processes, and who provides it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.values import BucketName, DatabaseName, HttpsUrl, ImageDigest, Memory, Model, Name, Slug
from settings.variables import Secret

Provider = Literal["managed", "host", "external"]


class _Backing(Model):
    provider: Provider
    url: Secret | None = Field(default=None, description="external: the secret that holds its URL")
    size: Slug | None = Field(default=None, description="managed: the provider's size, such as db-s-1vcpu-1gb")
    volume: int | None = Field(
        default=None,
        ge=1,
        le=16384,
        description="host: GiB of its host's volume, which has as many as all there say; it grows and never shrinks",
    )
    memory: Memory | None = Field(default=None, description="host: the most memory it may take")


class _Contained(_Backing):
    """One whose server, or whose tools for dumps, can run in a container."""

    image: ImageDigest | None = Field(default=None, description="of the engine; the official one of its version else")


class PostgresPool(Model):
    """A connection pool of the managed service."""

    size: int = Field(ge=1, le=1000)
    mode: Literal["transaction", "session", "statement"] = "transaction"


class Postgres(_Contained):
    """PostgreSQL. `settings` are postgresql.conf's own, such as shared_buffers."""

    engine: Literal["postgres"]
    version: int = Field(
        default=17, ge=13, le=18, description="managed: a higher one upgrades in place, for good (docs/operations.md)"
    )
    database: DatabaseName | None = Field(default=None, description="the product's name where it is left out")
    user: DatabaseName | None = Field(default=None, description="host: the database's name where it is left out")
    standby: bool = Field(default=False, description="managed: a second node that takes over")
    read_replicas: int = Field(default=0, ge=0, le=5, description="managed")
    pools: dict[Name, PostgresPool] = Field(
        default_factory=dict, description="managed: by name, for variables that say `{from: …, pool: …}`"
    )
    settings: dict[DatabaseName, str] = Field(default_factory=dict, description="host: postgresql.conf")


class Redis(_Contained):
    """Redis, or Valkey where it is managed."""

    engine: Literal["redis"]
    version: int | None = Field(default=None, ge=6, le=9)
    standby: bool = Field(default=False, description="managed: a second node that takes over")
    persistence: Literal["none", "snapshot", "append-only"] = "snapshot"
    eviction: Literal["noeviction", "allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-ttl"] = "noeviction"


class RabbitMQ(_Backing):
    """RabbitMQ, for task queues."""

    engine: Literal["rabbitmq"]


class MongoDB(_Contained):
    """MongoDB as a replica set of one or three members."""

    engine: Literal["mongodb"]
    version: int = Field(
        default=7, ge=6, le=8, description="managed: a higher one upgrades in place, for good (docs/operations.md)"
    )
    replica_set: Name = "rs0"
    members: Literal[1, 3] = 1
    database: DatabaseName | None = Field(default=None, description="the product's name where it is left out")


class Lifecycle(Model):
    """When a bucket's objects go, in days."""

    expire_after: int | None = Field(default=None, ge=1)
    expire_old_versions_after: int | None = Field(default=30, ge=1)
    abort_uploads_after: int = Field(default=7, ge=1)


class ObjectStorage(_Backing):
    """A bucket with a key of its own (managed: DigitalOcean Spaces), or an S3-compatible one that we are given."""

    engine: Literal["object-storage"]
    bucket: BucketName | None = None
    region: Slug | None = Field(default=None, description="the stack's own where it is left out")
    versioning: bool = True
    public: bool = False
    lifecycle: Lifecycle = Lifecycle()
    endpoint: HttpsUrl | None = Field(default=None, description="external: its S3 endpoint")
    access_key: Secret | None = Field(default=None, description="external")
    secret_key: Secret | None = Field(default=None, description="external")


AnyBacking = Annotated[Postgres | Redis | RabbitMQ | MongoDB | ObjectStorage, Field(discriminator="engine")]

FIELDS: dict[str, frozenset[str]] = {
    "postgres": frozenset({"url", "host", "port", "user", "password", "database"}),
    "redis": frozenset({"url", "host", "port", "password"}),
    "rabbitmq": frozenset({"url", "host", "port", "user", "password"}),
    "mongodb": frozenset({"url", "host", "port", "user", "password", "database"}),
    "object-storage": frozenset({"bucket", "endpoint", "region", "access_key", "secret_key"}),
}
"""What a variable may ask of each engine with `{from: …, field: …}`."""

ONLY_FOR: dict[str, tuple[Provider, ...]] = {
    "url": ("external",),
    "endpoint": ("external",),
    "access_key": ("external",),
    "secret_key": ("external",),
    "size": ("managed",),
    "standby": ("managed",),
    "read_replicas": ("managed",),
    "pools": ("managed",),
    "volume": ("host",),
    "memory": ("host",),
    "settings": ("host",),
    "persistence": ("managed", "host"),
    "eviction": ("managed", "host"),
    "members": ("managed", "host"),
    "replica_set": ("host",),
    "versioning": ("managed",),
    "public": ("managed",),
    "lifecycle": ("managed",),
    "user": ("host",),
}
"""Whose matter a key is. One that is said of another provider would be passed over in silence, so it is a mistake."""


ADMINISTRATOR = "slipway_admin"
"""The account in a PostgreSQL or MongoDB on a host that may do everything there."""


def database_of(product: str, backing: Postgres | MongoDB) -> str:
    """The database of a product of this name."""
    return backing.database or product.replace("-", "_")


def owner_of(product: str, backing: Postgres | MongoDB) -> str:
    """Whom the product logs in as, on a host."""
    if isinstance(backing, Postgres):
        return backing.user or database_of(product, backing)
    return product.replace("-", "_")


def engine_image(backing: Postgres | MongoDB | Redis) -> str:
    """The image that the engine runs from on a host, and that its dumps are made with: the given one, or the official.

    An official image is named by version, since its digest changes with each fix of the distribution below it.
    """
    if backing.image is not None:
        return backing.image
    if isinstance(backing, Postgres):
        return f"docker.io/library/postgres:{backing.version}"
    if isinstance(backing, MongoDB):
        return f"docker.io/library/mongo:{backing.version}.0"
    return f"docker.io/valkey/valkey:{backing.version or 8}"
