"""Database clusters: PostgreSQL, Valkey or MongoDB on a server of the local cloud, one whatever its number of nodes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rehearsal.model import DatabaseSpec
from rehearsal.provider.digitalocean import dns
from rehearsal.provider.digitalocean.catalog import (
    DATABASE_SIZES,
    DATABASE_VERSIONS,
    MOST_NODES,
    REGIONS,
    RESERVED_CONNECTIONS,
    SINGLE_NODE,
)
from rehearsal.provider.digitalocean.droplet import BAD_TAG, TAG
from rehearsal.provider.digitalocean.network import default_vpc
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties

ERROR = "Error creating database cluster: POST https://api.digitalocean.com/v2/databases: 422 "
PORTS = {"pg": 25060, "valkey": 25061, "mongodb": 27017}
ADMINS = {"pg": "doadmin", "valkey": "default", "mongodb": "doadmin"}
DATABASES = {"pg": "defaultdb", "valkey": "", "mongodb": "admin"}
LOCAL_ENGINES = {"pg": "postgres", "valkey": "valkey", "mongodb": "mongodb"}
_GONE = {"redis": "Redis has left the service: its successor is valkey"}
_OTHERS = ("mysql", "kafka", "opensearch")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_POLICIES = (
    "noeviction", "allkeys_lru", "allkeys_random", "volatile_lru", "volatile_random", "volatile_ttl",
)  # fmt: skip


class DatabaseCluster(Recorded):
    """`digitalocean:index/databaseCluster:DatabaseCluster`; every version of PostgreSQL is run by the image's own."""

    token = "digitalocean:index/databaseCluster:DatabaseCluster"  # noqa: S105
    required = ("engine", "nodeCount", "region", "size")
    optional = (
        "backupRestore",
        "evictionPolicy",
        "maintenanceWindows",
        "name",
        "privateNetworkUuid",
        "projectId",
        "sqlMode",
        "storageAutoscale",
        "storageSizeMib",
        "tags",
        "version",
    )
    computed = (
        "clusterUrn",
        "database",
        "host",
        "metricsEndpoints",
        "password",
        "port",
        "privateHost",
        "privateNetworkUuid",
        "privateUri",
        "uri",
        "user",
    )
    secret_outputs = ("password", "privateUri", "uiPassword", "uiUri", "uri")
    named = "name"
    unordered = frozenset({"tags"})
    table = "database_clusters"
    described_as = "database cluster"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = [
            Failure("tags", BAD_TAG)
            for tag in known(inputs, "tags") or ()
            if isinstance(tag, str) and not matches(TAG, tag)
        ]
        engine = known(inputs, "engine")
        if "version" not in inputs:
            failures.append(Failure("version", 'The argument "version" is required, but no definition was found.'))
        if "sqlMode" in inputs and engine not in (None, "mysql"):
            failures.append(Failure("sqlMode", "sql_mode is only supported for MySQL Database Clusters"))
        if "evictionPolicy" in inputs and engine not in (None, "redis", "valkey"):
            message = "eviction_policy is only supported for Redis or Valkey Database Clusters"
            failures.append(Failure("evictionPolicy", message))
        for window in known(inputs, "maintenanceWindows") or ():
            day = known(window, "day") if window is not UNKNOWN else None
            if day is not None and str(day).lower() not in _DAYS:
                failures.append(Failure("maintenanceWindows", f"expected day to be one of {list(_DAYS)}, got {day}"))
        return failures

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        if "privateNetworkUuid" not in inputs and inputs["region"] in REGIONS:
            inputs = {**inputs, "privateNetworkUuid": default_vpc(context, inputs["region"])}
        identifier, _ = super().create(context, inputs)
        row = context.store.read()[self.table][identifier]
        size = DATABASE_SIZES[inputs["size"]]
        spec = DatabaseSpec(
            name=inputs["name"],
            engine=LOCAL_ENGINES[inputs["engine"]],
            network_id=inputs["privateNetworkUuid"],
            names=(row["host"], row["privateHost"]),
            memory_mib=size.memory,
            connections=size.connections + RESERVED_CONNECTIONS,
            eviction=_policy(inputs),
        )
        context.log(f"making the database {inputs['name']}")
        try:
            addresses = context.cloud.add_database(identifier, spec)
        except Exception as error:
            with context.store.transaction() as account:
                account[self.table].pop(identifier, None)
            raise RefusedError(f"the local cloud could not make {inputs['name']}: {error}") from error
        with context.store.transaction() as account:
            for tag in inputs.get("tags", ()):
                account["tags"].setdefault(tag, {"name": tag})
            row = account[self.table][identifier]
            row.update(publicAddress=addresses.public, privateAddress=addresses.private)
        dns.publish(context)
        password = context.cloud.password(identifier)
        return identifier, {**self._shown(row), **connection(row, row["user"], password, row["database"])}

    def new_id(self, inputs: Properties) -> str:
        return str(uuid.uuid4())

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        engine = inputs["engine"]
        kind = "mongo" if engine == "mongodb" else "c.db"
        host = f"{inputs['name']}-do-user-1000000-0.{kind}.ondigitalocean.com"
        return {
            "clusterUrn": f"do:dbaas:{identifier}",
            "database": DATABASES[engine],
            "host": host,
            "privateHost": f"private-{host}",
            "port": PORTS[engine],
            "user": ADMINS[engine],
            "metricsEndpoints": [],
        }

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        account = context.store.read()
        _refuse_engine(inputs)
        _refuse_size(inputs)
        _refuse_place(account, rows, inputs)
        for key in ("backupRestore", "storageAutoscale", "storageSizeMib"):
            if key in inputs:
                raise RefusedError(f"the rehearsal's database has no {key} yet")
        if inputs.get("evictionPolicy", "noeviction") not in _POLICIES:
            raise RefusedError(f"{ERROR}eviction policy {inputs['evictionPolicy']} is none of {', '.join(_POLICIES)}")

    def _shown(self, row: Record) -> Properties:
        return {key: value for key, value in row.items() if key not in ("publicAddress", "privateAddress")}

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        row = context.store.read()[self.table].get(identifier)
        if row is None:
            return None
        if not context.cloud.serves(identifier):
            self._forget(context, identifier)
            return None
        password = context.cloud.password(identifier)  # another one, where somebody has reset it
        return {**self._shown(row), **connection(row, row["user"], password, row["database"])}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        before = context.store.read()[self.table].get(identifier)
        if before is None:
            raise RefusedError("404 The database cluster you were looking for could not be found.")
        _refuse_change(before, inputs)
        network = before["privateNetworkUuid"]
        super().update(context, identifier, state, {**inputs, "privateNetworkUuid": network})
        with context.store.transaction() as account:
            row = account[self.table][identifier]
            row.update({key: before[key] for key in ("publicAddress", "privateAddress")})
            for tag in inputs.get("tags", ()):
                account["tags"].setdefault(tag, {"name": tag})
        size = DATABASE_SIZES[inputs["size"]]
        if inputs["size"] != before["size"]:
            context.log(f"resizing the database {inputs['name']} to {inputs['size']}")
            context.cloud.resize_database(identifier, size.memory, size.connections + RESERVED_CONNECTIONS)
        if _policy(inputs) != _policy(before):
            context.cloud.set_eviction(identifier, _policy(inputs))
        return {}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        replicas = context.store.read()["database_replicas"].values()
        for replica in [row["uuid"] for row in replicas if row["clusterId"] == identifier]:
            context.cloud.remove_server(replica)
        context.cloud.remove_server(identifier)
        self._forget(context, identifier)

    def _forget(self, context: Context, identifier: str) -> None:
        """Everything in it goes with it."""
        with context.store.transaction() as account:
            account[self.table].pop(identifier, None)
            for table in ("database_trust", "trusted"):
                account[table].pop(identifier, None)
            for table in ("database_dbs", "database_users", "database_pools", "database_replicas"):
                account[table] = {key: row for key, row in account[table].items() if row["clusterId"] != identifier}
        dns.publish(context)


def connection(row: Mapping[str, Any], user: str, password: str, database: str, port: int | None = None) -> Properties:
    """How somebody connects, over the internet and within the network."""
    return {
        "password": password,
        "uri": _uri(row, row["host"], user, password, database, port),
        "privateUri": _uri(row, row["privateHost"], user, password, database, port),
    }


def _uri(row: Mapping[str, Any], host: str, user: str, password: str, database: str, port: int | None) -> str:
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    if row["engine"] == "mongodb":
        return f"mongodb+srv://{who}/{database}?tls=true&authSource=admin&replicaSet={row['name']}"
    if row["engine"] == "valkey":
        return f"rediss://{who}:{row['port']}"
    return f"postgresql://{who}:{port or row['port']}/{database}?sslmode=require"


def _policy(row: Mapping[str, Any]) -> str:
    """In Valkey's own words."""
    return str(row.get("evictionPolicy", "noeviction")).replace("_", "-")


def _refuse_engine(inputs: Properties) -> None:
    engine, version = inputs["engine"], str(inputs["version"])
    if engine in _GONE:
        raise RefusedError(f"{ERROR}invalid cluster engine: {_GONE[engine]}")
    if engine in _OTHERS:
        raise RefusedError(f"the rehearsal has no database of the engine {engine} yet")
    if engine not in DATABASE_VERSIONS:
        raise RefusedError(f"{ERROR}invalid cluster engine {engine}")
    if version not in DATABASE_VERSIONS[engine]:
        offered = ", ".join(DATABASE_VERSIONS[engine])
        raise RefusedError(f"{ERROR}version {version} of {engine} is not available: {offered}")


def _refuse_size(inputs: Properties) -> None:
    size, nodes, engine = inputs["size"], inputs["nodeCount"], inputs["engine"]
    if size not in DATABASE_SIZES:
        raise RefusedError(f"{ERROR}invalid size {size}")
    if not 1 <= nodes <= MOST_NODES:
        raise RefusedError(f"{ERROR}a cluster has 1 to {MOST_NODES} nodes, not {nodes}")
    if nodes > 1 and size in SINGLE_NODE:
        raise RefusedError(f"{ERROR}size {size} is for single node clusters only")
    if engine == "mongodb" and nodes == 2:
        raise RefusedError(f"{ERROR}a MongoDB cluster has 1 or 3 nodes, not 2")


def _refuse_place(account: Account, rows: Mapping[str, Record], inputs: Properties) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", inputs["name"]):
        raise RefusedError(f"{ERROR}invalid cluster name: 3 to 63 lowercase letters, numbers and dashes")
    if any(row["name"] == inputs["name"] for row in rows.values()):
        raise RefusedError(f"{ERROR}cluster name is not available")
    if inputs["region"] not in REGIONS:
        raise RefusedError(f"{ERROR}invalid region")
    if account["vpcs"].get(inputs["privateNetworkUuid"], {}).get("region") != inputs["region"]:
        raise RefusedError(f"{ERROR}invalid private network UUID: it must be a VPC of the region")
    if "projectId" in inputs and inputs["projectId"] not in account["projects"]:
        raise RefusedError(f"{ERROR}project {inputs['projectId']} does not exist")


def _refuse_change(before: Record, inputs: Properties) -> None:
    if inputs["region"] != before["region"]:
        raise RefusedError("the rehearsal moves no database to another region yet")
    if inputs["size"] in DATABASE_SIZES and DATABASE_SIZES[inputs["size"]] < DATABASE_SIZES[before["size"]]:
        raise RefusedError(
            f"Error resizing database cluster: 422 {before['size']} can't become {inputs['size']}: smaller"
        )
    if str(inputs["version"]).isdigit() and int(inputs["version"]) < int(before["version"]):
        raise RefusedError("Error upgrading version for database cluster: 422 a version can't go back")
