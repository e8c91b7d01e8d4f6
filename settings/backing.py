"""Backing services: what a product needs beside its own processes, and who provides it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.values import HttpsUrl, Model, Name
from settings.variables import Secret

Provider = Literal["managed", "host", "external"]


class _Backing(Model):
    provider: Provider
    url: Secret | None = Field(default=None, description="external: the secret that holds its URL")
    size: str | None = Field(default=None, description="managed: the provider's size, such as db-s-1vcpu-1gb")
    volume: int | None = Field(default=None, ge=1, le=16384, description="host: GiB of a volume of its own")


class PostgresPool(Model):
    """A connection pool of the managed service."""

    size: int = Field(ge=1, le=1000)
    mode: Literal["transaction", "session", "statement"] = "transaction"


class Postgres(_Backing):
    """PostgreSQL. `settings` are postgresql.conf's own."""

    engine: Literal["postgres"]
    version: int = Field(default=17, ge=13, le=18)
    database: Name | None = None
    standby: bool = False
    read_replicas: int = Field(default=0, ge=0, le=5)
    pools: dict[Name, PostgresPool] = {}
    settings: dict[str, str] = {}


class Redis(_Backing):
    """Redis, or Valkey where it is managed."""

    engine: Literal["redis"]
    version: int | None = Field(default=None, ge=6, le=9)
    persistence: Literal["none", "snapshot", "append-only"] = "snapshot"
    eviction: Literal["noeviction", "allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-ttl"] = "noeviction"


class RabbitMQ(_Backing):
    """RabbitMQ, for task queues."""

    engine: Literal["rabbitmq"]


class MongoDB(_Backing):
    """MongoDB as a replica set of one or three members."""

    engine: Literal["mongodb"]
    version: int = Field(default=7, ge=6, le=8)
    replica_set: Name = "rs0"
    members: Literal[1, 3] = 1
    database: str | None = None


class Lifecycle(Model):
    """When a bucket's objects go, in days."""

    expire_after: int | None = Field(default=None, ge=1)
    expire_old_versions_after: int | None = Field(default=30, ge=1)
    abort_uploads_after: int = Field(default=7, ge=1)


class ObjectStorage(_Backing):
    """A bucket with a key of its own (managed: DigitalOcean Spaces), or an S3-compatible one that we are given."""

    engine: Literal["object-storage"]
    bucket: Name | None = None
    region: str | None = None
    versioning: bool = True
    public: bool = False
    lifecycle: Lifecycle = Lifecycle()
    endpoint: HttpsUrl | None = Field(default=None, description="external: its S3 endpoint")
    access_key: Secret | None = None
    secret_key: Secret | None = None


AnyBacking = Annotated[Postgres | Redis | RabbitMQ | MongoDB | ObjectStorage, Field(discriminator="engine")]

FIELDS: dict[str, frozenset[str]] = {
    "postgres": frozenset({"url", "host", "port", "user", "password", "database"}),
    "redis": frozenset({"url", "host", "port", "password"}),
    "rabbitmq": frozenset({"url", "host", "port", "user", "password"}),
    "mongodb": frozenset({"url", "host", "port", "user", "password", "database"}),
    "object-storage": frozenset({"bucket", "endpoint", "region", "access_key", "secret_key"}),
}
"""What a variable may ask of each engine with `{from: …, field: …}`."""
