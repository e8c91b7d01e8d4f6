"""What is in a database cluster: databases, users, pools of connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rehearsal.model import CloudError, Pool
from rehearsal.provider.digitalocean.catalog import DATABASE_SIZES
from rehearsal.provider.digitalocean.database import ADMINS, DATABASES, connection
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import Properties

POOL_PORT = 25061
_UNSUPPORTED = "422 operation is not supported for this cluster type"
_NAME = r"[A-Za-z_][A-Za-z0-9_\-]{0,62}"


class InCluster(Recorded):
    """A part of a cluster; its id begins with the cluster's."""

    creating: ClassVar[str]
    engines: ClassVar[tuple[str, ...]]
    part: ClassVar[str]

    def new_id(self, inputs: Properties) -> str:
        return f"{inputs['clusterId']}/{self.part}{inputs['name']}"

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        cluster = self.cluster(context.store.read(), inputs)
        if cluster["engine"] not in self.engines:
            raise RefusedError(f"{self.creating}: {_UNSUPPORTED}")
        if not matches(_NAME, inputs["name"]):
            raise RefusedError(f"{self.creating}: 422 invalid name {inputs['name']}")
        taken = {row["name"] for row in rows.values() if row["clusterId"] == inputs["clusterId"]}
        if identifier is None and inputs["name"] in {*taken, *self.taken(cluster)}:
            raise RefusedError(f"{self.creating}: 409 {inputs['name']} already exists")

    def taken(self, cluster: Record) -> tuple[str, ...]:
        """Names that a new cluster has already."""
        return ()

    def cluster(self, account: Account, inputs: Properties) -> Record:
        """The cluster's row."""
        row = account["database_clusters"].get(inputs["clusterId"])
        if row is None:
            raise RefusedError(f"{self.creating}: 404 cluster not found")
        return row

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        identifier, added = super().create(context, inputs)
        try:
            return identifier, {**added, **self.make(context, inputs)}
        except CloudError as error:
            with context.store.transaction() as account:
                account[self.table].pop(identifier, None)
            raise RefusedError(f"{self.creating}: 422 {error}") from error

    def make(self, context: Context, inputs: Properties) -> Properties:
        """Makes it on the local cloud; the outputs that are known then."""
        raise NotImplementedError

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        if context.cloud.serves(state["clusterId"]):
            try:
                self.unmake(context, state)
            except CloudError as error:
                raise RefusedError(f"{self.creating.replace('creating', 'deleting')}: 422 {error}") from error
        super().delete(context, identifier, state)

    def unmake(self, context: Context, state: Properties) -> None:
        """Takes it away from the local cloud."""
        raise NotImplementedError


class DatabaseDb(InCluster):
    """`digitalocean:index/databaseDb:DatabaseDb`; its owner is the cluster's administrator."""

    token = "digitalocean:index/databaseDb:DatabaseDb"  # noqa: S105
    required = ("clusterId",)
    optional = ("name",)
    named = "name"
    table = "database_dbs"
    creating, engines, part = "Error creating Database DB", ("pg", "mongodb"), "database/"

    def taken(self, cluster: Record) -> tuple[str, ...]:
        return (DATABASES[cluster["engine"]], "postgres", "template0", "template1")

    def make(self, context: Context, inputs: Properties) -> Properties:
        context.cloud.add_schema(inputs["clusterId"], inputs["name"])
        return {}

    def unmake(self, context: Context, state: Properties) -> None:
        context.cloud.remove_schema(state["clusterId"], state["name"])


class DatabaseUser(InCluster):
    """`digitalocean:index/databaseUser:DatabaseUser`: who may log in, and nothing more until somebody grants it."""

    token = "digitalocean:index/databaseUser:DatabaseUser"  # noqa: S105
    required = ("clusterId",)
    optional = ("mysqlAuthPlugin", "name", "settings")
    computed = ("password", "role")
    secret_outputs = ("accessCert", "accessKey", "password")
    named = "name"
    table = "database_users"
    creating, engines, part = "Error creating Database User", ("pg", "valkey", "mongodb"), "user/"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        return [
            Failure(key, f"the rehearsal has no database whose users have {key} yet")
            for key in ("mysqlAuthPlugin", "settings")
            if key in inputs
        ]

    def taken(self, cluster: Record) -> tuple[str, ...]:
        return (ADMINS[cluster["engine"]], "postgres", "replicator", "cloud")

    def make(self, context: Context, inputs: Properties) -> Properties:
        return {"password": context.cloud.add_user(inputs["clusterId"], inputs["name"]), "role": "normal"}

    def unmake(self, context: Context, state: Properties) -> None:
        context.cloud.remove_user(state["clusterId"], state["name"])


class DatabaseConnectionPool(InCluster):
    """`digitalocean:index/databaseConnectionPool:DatabaseConnectionPool`: a database of PgBouncer's."""

    token = "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool"  # noqa: S105
    required = ("clusterId", "dbName", "mode", "size")
    optional = ("name", "user")
    computed = ("host", "password", "port", "privateHost", "privateUri", "uri")
    secret_outputs = ("password", "privateUri", "uri")
    named = "name"
    table = "database_pools"
    creating, engines, part = "Error creating DatabaseConnectionPool", ("pg",), ""

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures, mode, name = [], known(inputs, "mode"), known(inputs, "name")
        if mode is not None and mode not in ("session", "transaction", "statement"):
            message = f'expected mode to be one of ["session" "transaction" "statement"], got {mode}'
            failures.append(Failure("mode", message))
        if name is not None and not 3 <= len(name) <= 63:
            failures.append(Failure("name", f"expected length of name to be in the range (3 - 63), got {name}"))
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        super().refuse(context, rows, identifier, inputs)
        account = context.store.read()
        cluster, here = self.cluster(account, inputs), inputs["clusterId"]
        if inputs["size"] < 1:
            raise RefusedError(f"{self.creating}: 422 a pool has at least 1 connection")
        dbs = {row["name"] for row in account["database_dbs"].values() if row["clusterId"] == here}
        if inputs["dbName"] not in {*dbs, cluster["database"]}:
            raise RefusedError(f"{self.creating}: 404 database {inputs['dbName']} not found")
        users = {row["name"] for row in account["database_users"].values() if row["clusterId"] == here}
        if inputs.get("user", cluster["user"]) not in {*users, cluster["user"]}:
            raise RefusedError(f"{self.creating}: 404 user {inputs['user']} not found")
        most = DATABASE_SIZES[cluster["size"]].connections
        taken = sum(row["size"] for row in rows.values() if row["clusterId"] == here)
        if taken + inputs["size"] > most:
            message = f"pools of {taken + inputs['size']} connections: {cluster['size']} has {most}"
            raise RefusedError(f"{self.creating}: 422 {message}")

    def make(self, context: Context, inputs: Properties) -> Properties:
        _set_pools(context, inputs["clusterId"])
        cluster = context.store.read()["database_clusters"][inputs["clusterId"]]
        user = str(inputs.get("user", cluster["user"]))
        password = context.cloud.password(inputs["clusterId"], user)
        return {
            "host": cluster["host"],
            "privateHost": cluster["privateHost"],
            "port": POOL_PORT,
            **connection(cluster, user, password, inputs["name"], POOL_PORT),
        }

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        Recorded.delete(self, context, identifier, state)
        if context.cloud.serves(state["clusterId"]):
            _set_pools(context, state["clusterId"])


def _set_pools(context: Context, cluster: str) -> None:
    with context.store.exclusive("pools"):
        rows = context.store.read()["database_pools"].values()
        pools = [
            Pool(row["name"], row["dbName"], row["size"], row["mode"], row.get("user"))
            for row in rows
            if row["clusterId"] == cluster
        ]
        context.cloud.set_pools(cluster, pools)
