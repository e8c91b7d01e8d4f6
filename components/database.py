"""A managed database of the cloud's: PostgreSQL, Valkey or MongoDB, for the stack's own product and for nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices
from settings.backing import AnyBacking, MongoDB, Postgres, PostgresPool, Redis, database_of
from settings.variables import fact_of

Engine = Literal["pg", "valkey", "mongodb"]
Facts = dict[str, pulumi.Output[str]]


@dataclass(frozen=True)
class Trusted:
    """Who may connect: hosts with a tag, or addresses of a range. Neither has to be there before the database is."""

    type: Literal["tag", "ip_addr"]
    value: pulumi.Input[str]


@dataclass(frozen=True)
class DatabaseArgs:
    """`trusted` are those that may connect: as no one names the other, hosts and database make no circle.

    `nodes` counts the primary and its standbys. `database` is made beside the engine's own; Valkey has none.
    """

    engine: Engine
    version: str
    size: str
    region: str
    network_id: pulumi.Input[str]
    trusted: Trusted
    nodes: int = 1
    database: str | None = None
    eviction: str | None = None
    replicas: int = 0
    pools: Mapping[str, PostgresPool] = field(default_factory=dict)
    tags: Sequence[pulumi.Input[str]] = ()


class Database(Component):
    """A cluster in the stack's network with its database and trusted sources, protected; its pools and read replicas,
    which hold nothing of their own, are not.

    Services log in as the cluster's own user: since PostgreSQL 15 one that the API makes may create nothing in the
    schema `public`, so a migration would fail; and the cluster is this product's alone.
    """

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.cluster = digitalocean.DatabaseCluster(
            f"{name}-cluster",
            name=name,
            engine=args.engine,
            version=args.version,
            size=args.size,
            region=args.region,
            node_count=args.nodes,
            private_network_uuid=args.network_id,
            eviction_policy=args.eviction.replace("-", "_") if args.eviction else None,
            tags=list(args.tags),
            opts=self.child(protect=True),
        )
        # one for the whole cluster: to delete it is to let everybody in
        self._trust(f"{name}-trusted-sources", self.cluster.id, args, protect=True)
        database = self._database(name, args)
        pools = {
            pool_name: digitalocean.DatabaseConnectionPool(
                f"{name}-pool-{pool_name}",
                name=pool_name,
                cluster_id=self.cluster.id,
                db_name=database,
                user=self.cluster.user,
                mode=pool.mode,
                size=pool.size,
                opts=self.child(),
            )
            for pool_name, pool in args.pools.items()
        }
        for number in range(1, args.replicas + 1):
            replica = digitalocean.DatabaseReplica(
                f"{name}-replica-{number}",
                name=f"{name}-replica-{number}",
                cluster_id=self.cluster.id,
                region=args.region,
                size=args.size,
                private_network_uuid=args.network_id,
                opts=self.child(),
            )
            # else everybody may connect. It goes with its replica, which holds nothing that the cluster has not
            self._trust(f"{name}-replica-{number}-trusted-sources", replica.uuid, args)
        # some sizes have no price in the table: what is exported names them (architectures.foundation)
        self.monthly = prices.DATABASES[args.engine].get(args.size, 0.0) * (args.nodes + args.replicas)
        self.urn_of_cluster = self.cluster.cluster_urn
        self.facts = self._facts(args.engine, database)
        for pool_name, made in pools.items():
            self.facts |= {fact_of(pool_name, field): fact for field, fact in self._of_pool(made).items()}
        self.register_outputs({"host": self.cluster.private_host})

    def _trust(self, name: str, cluster: pulumi.Input[str], args: DatabaseArgs, protect: bool = False) -> None:
        rule = digitalocean.DatabaseFirewallRuleArgs(type=args.trusted.type, value=args.trusted.value)
        digitalocean.DatabaseFirewall(name, cluster_id=cluster, rules=[rule], opts=self.child(protect=protect))

    def _database(self, name: str, args: DatabaseArgs) -> pulumi.Output[str]:
        if args.database is None:
            named: pulumi.Output[str] = self.cluster.database
            return named
        made = digitalocean.DatabaseDb(
            f"{name}-database", name=args.database, cluster_id=self.cluster.id, opts=self.child(protect=True)
        )
        database: pulumi.Output[str] = made.name
        return database

    def _facts(self, engine: Engine, database: pulumi.Output[str]) -> Facts:
        """How a host reaches it: by its private address, over TLS."""
        cluster = self.cluster
        password = pulumi.Output.secret(cluster.password)
        port = cluster.port.apply(str)
        facts: Facts = {"host": cluster.private_host, "port": port, "password": password}
        if engine == "mongodb":  # its nodes have one name between them, which only the cluster's own URL resolves
            url = pulumi.Output.all(cluster.private_uri, database).apply(lambda made: in_database(*made))
        else:
            parts = pulumi.Output.all(cluster.user, password, cluster.private_host, port, database)
            url = parts.apply(lambda made: _URLS[engine].format(*made))
        facts["url"] = pulumi.Output.secret(url)
        return facts if engine == "valkey" else {**facts, "user": cluster.user, "database": database}

    def _of_pool(self, pool: digitalocean.DatabaseConnectionPool) -> Facts:
        """How a host reaches the database through a pool, whose name stands for the database's: as the same user."""
        user, password, port = self.cluster.user, pulumi.Output.secret(self.cluster.password), pool.port.apply(str)
        parts = pulumi.Output.all(user, password, pool.private_host, port, pool.name)
        url: pulumi.Output[str] = parts.apply(lambda made: _URLS["pg"].format(*made))
        names = {"user": user, "database": pool.name}
        return {
            "url": pulumi.Output.secret(url),
            "host": pool.private_host,
            "port": port,
            "password": password,
            **names,
        }


_URLS = {"pg": "postgresql://{0}:{1}@{2}:{3}/{4}?sslmode=require", "valkey": "rediss://{0}:{1}@{2}:{3}/0"}


def in_database(uri: str, database: str) -> str:
    """A MongoDB URL (of any database) for `database`, with the users of `admin`, as the cloud keeps them."""
    head, _, query = uri.partition("?")
    scheme, _, rest = head.partition("://")
    options = [option for option in query.split("&") if option and not option.startswith("authSource=")]
    return f"{scheme}://{rest.partition('/')[0]}/{database}?{'&'.join(['authSource=admin', *options])}"


def database_args(
    backing: AnyBacking,
    product: str,
    region: str,
    network_id: pulumi.Input[str],
    trusted: Trusted,
    tags: Sequence[pulumi.Input[str]],
) -> DatabaseArgs:
    """What a managed backing service of the product asks for. ValueError for one that the cloud does not manage."""
    common = {"region": region, "network_id": network_id, "trusted": trusted, "tags": tags}
    size = backing.size or "db-s-1vcpu-1gb"
    if isinstance(backing, Postgres):
        return DatabaseArgs(
            "pg",
            str(backing.version),
            size,
            nodes=2 if backing.standby else 1,
            database=database_of(product, backing),
            replicas=backing.read_replicas,
            pools=backing.pools,
            **common,  # type: ignore[arg-type]
        )
    if isinstance(backing, Redis):
        nodes = 2 if backing.standby else 1
        return DatabaseArgs("valkey", "8", size, nodes=nodes, eviction=backing.eviction, **common)  # type: ignore[arg-type]
    if isinstance(backing, MongoDB):
        database = database_of(product, backing)
        return DatabaseArgs("mongodb", str(backing.version), size, nodes=backing.members, database=database, **common)  # type: ignore[arg-type]
    raise ValueError(f"the cloud has no managed {backing.engine}")
