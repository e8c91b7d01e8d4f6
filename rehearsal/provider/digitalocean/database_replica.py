"""Replicas that only read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from rehearsal.model import DatabaseSpec
from rehearsal.provider.digitalocean import dns
from rehearsal.provider.digitalocean.catalog import DATABASE_SIZES, RESERVED_CONNECTIONS
from rehearsal.provider.digitalocean.database import connection
from rehearsal.provider.digitalocean.database_parts import InCluster
from rehearsal.provider.digitalocean.trust import TABLE
from rehearsal.provider.resource import Context, Recorded, RefusedError
from rehearsal.provider.store import Record
from rehearsal.provider.values import Properties


class DatabaseReplica(InCluster):
    """`digitalocean:index/databaseReplica:DatabaseReplica`: a read-only PostgreSQL that follows the cluster's."""

    token = "digitalocean:index/databaseReplica:DatabaseReplica"  # noqa: S105
    required = ("clusterId",)
    optional = ("name", "privateNetworkUuid", "region", "size", "storageSizeMib", "tags")
    computed = (
        "database",
        "host",
        "password",
        "port",
        "privateHost",
        "privateNetworkUuid",
        "privateUri",
        "uri",
        "user",
        "uuid",
    )
    secret_outputs = ("password", "privateUri", "uri")
    named = "name"
    unordered = frozenset({"tags"})
    table = "database_replicas"
    creating, engines, part = "Error creating DatabaseReplica", ("pg",), "replicas/"

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        super().refuse(context, rows, identifier, inputs)
        account = context.store.read()
        cluster = self.cluster(account, inputs)
        if inputs.get("region", cluster["region"]) != cluster["region"]:
            raise RefusedError("the rehearsal has no replica in another region yet")
        if inputs.get("size", cluster["size"]) not in DATABASE_SIZES:
            raise RefusedError(f"{self.creating}: 422 invalid size {inputs['size']}")
        network = str(inputs.get("privateNetworkUuid", cluster["privateNetworkUuid"]))
        if account["vpcs"].get(network, {}).get("region") != cluster["region"]:
            raise RefusedError(f"{self.creating}: 422 invalid private network UUID: it must be a VPC of the region")
        if "storageSizeMib" in inputs:
            raise RefusedError("the rehearsal's database has no storageSizeMib yet")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        cluster = self.cluster(context.store.read(), inputs)
        defaults = {"privateNetworkUuid": cluster["privateNetworkUuid"], "size": cluster["size"]}
        identifier, added = super().create(context, {**defaults, **inputs})
        return identifier, {key: value for key, value in added.items() if key in self.computed}

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        host = f"{inputs['name']}-do-user-1000000-0.c.db.ondigitalocean.com"
        return {
            "uuid": str(uuid.uuid4()),
            "host": host,
            "privateHost": f"private-{host}",
            "privateNetworkUuid": inputs["privateNetworkUuid"],
            "engine": "pg",
        }

    def make(self, context: Context, inputs: Properties) -> Properties:
        account = context.store.read()
        cluster = self.cluster(account, inputs)
        row = account[self.table][self.new_id(inputs)]
        size = DATABASE_SIZES[inputs["size"]]
        spec = DatabaseSpec(
            name=inputs["name"],
            engine="postgres",
            network_id=inputs["privateNetworkUuid"],
            names=(row["host"], row["privateHost"]),
            memory_mib=size.memory,
            connections=max(size, DATABASE_SIZES[cluster["size"]]).connections + RESERVED_CONNECTIONS,
            source=inputs["clusterId"],
        )
        context.log(f"making the replica {inputs['name']}")
        addresses = context.cloud.add_database(row["uuid"], spec)
        shown = {key: cluster[key] for key in ("database", "port", "user")}
        with context.store.transaction() as latest:
            latest[self.table][self.new_id(inputs)].update(
                **shown, publicAddress=addresses.public, privateAddress=addresses.private
            )
        dns.publish(context)
        password = context.cloud.password(inputs["clusterId"])
        return {**shown, **connection({**row, **shown}, cluster["user"], password, cluster["database"])}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        context.cloud.remove_server(state["uuid"])
        Recorded.delete(self, context, identifier, state)
        with context.store.transaction() as account:
            for table in (TABLE, "trusted"):
                account[table].pop(state["uuid"], None)
        dns.publish(context)
