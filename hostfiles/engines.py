"""Backing services as containers: what each engine runs, is told, keeps, and says of its health.

Images are the official ones or like them: a `docker-entrypoint.sh` that starts as root, gives the data to the engine's
own user and goes on as that. A password is in no command line, neither here nor in a container's processes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from hostfiles import redis
from hostfiles.compose import Model, literal
from settings.backing import MongoDB, Postgres, Redis
from settings.product import Product

Hosted = Postgres | MongoDB | Redis
PORTS = {"postgres": 5432, "mongodb": 27017, "redis": 6379}
FILE = "/etc/slipway/file"
"""Where an engine's one file is in its container: root's, so what starts as root hands it on."""

RIGHTS = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
"""What an entrypoint needs to give data to the engine's user and to become it."""
MOST_PROCESSES = 8192
"""A database has a thread or a process for each connection."""
_KEY, _WELL = "/run/slipway/key", "/run/slipway/well"
ELECTION_MS = 4000
"""Milliseconds without the primary after which the others elect one. MongoDB's own are 10,000, for networks that are
slower than a data centre's (its manual, "Self-Managed Replica Set Configuration"); heartbeats are 2,000 apart."""


@dataclass(frozen=True)
class Engine:
    """`container` is a part of a compose file's service; `file` is the text of FILE, if it needs one."""

    container: Model
    variables: Mapping[str, str] = field(repr=False)
    data: str
    file: str | None = field(default=None, repr=False)


def engine(product: Product, name: str, password: str, limit: int, hosts: Sequence[str], member: int = 0) -> Engine:
    """A backing service of the product's. `limit` is what it may take, in MiB; `hosts` are where its members are
    reached, and `member` is which of them this is."""
    backing = product.backing[name]
    if isinstance(backing, Postgres):
        return _postgres(product, backing, password)
    if isinstance(backing, MongoDB):
        return _mongodb(product, backing, password, limit, hosts, member)
    assert isinstance(backing, Redis)  # noqa: S101  (settings.placement)
    return _redis(backing, password, limit)


def facts(product: Product, name: str, password: str, hosts: Sequence[str]) -> dict[str, str]:
    """How services reach it."""
    backing = product.backing[name]
    if isinstance(backing, Redis):
        return redis.facts(password, hosts[0])
    assert isinstance(backing, Postgres | MongoDB)  # noqa: S101  (settings.placement)
    user, database = _user(product, backing), _database(product, backing)
    port = PORTS[backing.engine]
    places = ",".join(f"{host}:{port}" for host in hosts)
    scheme, query = "postgresql", ""
    if isinstance(backing, MongoDB):
        scheme, query = "mongodb", f"?authSource=admin&replicaSet={backing.replica_set}"
    return {
        "url": f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{places}/{database}{query}",
        "host": hosts[0],
        "port": str(port),
        "user": user,
        "password": password,
        "database": database,
    }


def key_file(password: str) -> str:
    """What the members of a replica set know each other by. The same password gives the same text."""
    return base64.b64encode(hashlib.shake_256(b"slipway mongodb key file " + password.encode()).digest(576)).decode()


def _database(product: Product, backing: Postgres | MongoDB) -> str:
    return backing.database or product.name.replace("-", "_")


def _user(product: Product, backing: Postgres | MongoDB) -> str:
    if isinstance(backing, Postgres):
        return backing.user or _database(product, backing)
    return product.name.replace("-", "_")


def _postgres(product: Product, postgres: Postgres, password: str) -> Engine:
    settings = [word for key, value in postgres.settings.items() for word in ("-c", literal(f"{key}={value}"))]
    # over TCP: while the database is being made, the server listens on its socket alone
    check = 'pg_isready --quiet --host 127.0.0.1 --username "$$POSTGRES_USER" --dbname "$$POSTGRES_DB"'
    return Engine(
        container={
            "command": ["postgres", *settings],
            "shm_size": "256m",
            "cap_add": RIGHTS,
            "healthcheck": health(["CMD-SHELL", check]),
        },
        variables={
            "POSTGRES_DB": _database(product, postgres),
            "POSTGRES_INITDB_ARGS": "--data-checksums",  # 18's default; older ones tell of no page that went bad
            "POSTGRES_PASSWORD": password,
            "POSTGRES_USER": _user(product, postgres),
        },
        # since version 18 each major version has a directory of its own below
        data="/var/lib/postgresql" if postgres.version >= 18 else "/var/lib/postgresql/data",
    )


def _redis(backing: Redis, password: str, limit: int) -> Engine:
    # the configuration comes on standard input, which root has opened: the server's own user can't read the file
    start = f'command -v "$$server" >/dev/null && exec docker-entrypoint.sh "$$server" - < {FILE}'
    cli = "$$(command -v valkey-cli || command -v redis-cli)"
    return Engine(
        container={
            "entrypoint": ["/bin/sh", "-c", f"for server in valkey-server redis-server; do {start}; done; exit 127"],
            "cap_add": RIGHTS,
            "healthcheck": health(["CMD-SHELL", f"{cli} ping | grep -q PONG"]),
        },
        variables={"REDISCLI_AUTH": password},
        data="/data",
        file=redis.contained(backing, password, limit),
    )


def _mongodb(
    product: Product, mongodb: MongoDB, password: str, limit: int, hosts: Sequence[str], member: int
) -> Engine:
    """A member of a replica set. The first makes the set and its user; a set takes only members that are empty."""
    user = {"MONGO_INITDB_ROOT_PASSWORD": password, "MONGO_INITDB_ROOT_USERNAME": _user(product, mongodb)}
    options = ["--replSet", mongodb.replica_set, "--keyFile", _KEY, "--bind_ip_all", "--auth"]
    start = f'install -D -o mongodb -g mongodb -m 0400 {FILE} {_KEY} && exec docker-entrypoint.sh "$$@"'
    ask = _initiated(mongodb.replica_set, hosts) if member == 0 else 'quit(db.adminCommand("ping").ok ? 0 : 1)'
    # mongosh takes as much memory as mongod has beside its cache: it asks until all is well, once for each start
    listens = f": </dev/tcp/127.0.0.1/{PORTS['mongodb']}"
    check = f'if [ -e {_WELL} ]; then {listens}; else mongosh --quiet --norc --eval "$$0" && touch {_WELL}; fi'
    return Engine(
        container={
            "entrypoint": ["/bin/sh", "-c", start, "mongodb"],
            "command": ["mongod", *options, "--wiredTigerCacheSizeGB", f"{cache_gb(limit):g}"],
            "tmpfs": ["/run/slipway:mode=0755", "/data/configdb"],
            "cap_add": RIGHTS,
            "healthcheck": health(["CMD", "bash", "-c", check, ask]),
        },
        variables=user if member == 0 else {},
        data="/data/db",
        file=key_file(password),
    )


def cache_gb(limit: int) -> float:
    """GiB of WiredTiger's cache in a container of so many MiB: half of what it has beyond 1 GiB, at least 0.25. It is
    MongoDB's own rule (its manual, "WiredTiger Storage Engine", memory use), for what it may take and not for what its
    host has."""
    return max(0.25, (limit - 1024) * 100 // 2048 / 100)


def _initiated(replica_set: str, hosts: Sequence[str]) -> str:
    """What a replica set's first member is asked: it makes the set of all where there is none yet, sets how soon they
    elect where that is not so, and says whether it is well."""
    members = [{"_id": number, "host": f"{host}:{PORTS['mongodb']}"} for number, host in enumerate(hosts)]
    several = len(hosts) > 1
    settings = {"settings": {"electionTimeoutMillis": ELECTION_MS}} if several else {}
    wanted = json.dumps({"_id": replica_set, "members": members, **settings})
    return (
        'db.getSiblingDB("admin")'
        ".auth(process.env.MONGO_INITDB_ROOT_USERNAME, process.env.MONGO_INITDB_ROOT_PASSWORD); "
        f"try {{ rs.status().ok }} catch (e) {{ rs.initiate({wanted}).ok }} "
        f"{_ELECT if several else ''}"
        "const said = db.hello(); quit(said.isWritablePrimary || said.secondary ? 0 : 1)"
    )


# For a set that was made before. Its primary alone may change it, which another may be now. One that can't is well.
_ELECT = (
    "if (db.hello().isWritablePrimary) { const conf = rs.conf(); "
    f"if (Number((conf.settings || {{}}).electionTimeoutMillis) !== {ELECTION_MS}) "
    f"{{ conf.settings = {{...conf.settings, electionTimeoutMillis: {ELECTION_MS}}}; "
    "try { rs.reconfig(conf) } catch (e) { print(e.message) } } } "
)


def health(test: list[str]) -> Model:
    """A health check of these words."""
    return {
        "test": test,
        "interval": "15s",
        "timeout": "10s",
        "retries": 5,
        "start_period": "300s",  # a database may have to go through its log, or to wait for the members of its set
        "start_interval": "2s",
    }
