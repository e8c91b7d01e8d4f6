"""Backing services as containers: what each engine runs, is told, keeps, and says of its health.

Images are the official ones or like them: a `docker-entrypoint.sh` that starts as root, gives the data to the engine's
own user and goes on as that. A password is in no command line, neither here nor in a container's processes.

A product logs in as the owner of its own database and of no other. It has been made with the data; the engine's
administrator is for the engine itself and for whoever is root on its host.
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
from settings.backing import ADMINISTRATOR, MongoDB, Postgres, Redis, database_of, owner_of
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


def administrator(name: str) -> str:
    """By what the password of MongoDB's administrator is found among those of the backing services."""
    return f"{name}/administrator"


def engine(
    product: Product, name: str, passwords: Mapping[str, str], limit: int, hosts: Sequence[str], member: int = 0
) -> Engine:
    """A backing service of the product's. `limit` is what it may take, in MiB; `hosts` are where its members are
    reached, and `member` is which of them this is."""
    backing = product.backing[name]
    if isinstance(backing, Postgres):
        return _postgres(product, backing, passwords[name])
    if isinstance(backing, MongoDB):
        begun = _mongodb_begun(product, backing, passwords[name], passwords[administrator(name)])
        return _mongodb(backing, begun, limit, hosts, member)
    assert isinstance(backing, Redis)  # noqa: S101  (settings.placement)
    return _redis(backing, passwords[name], limit)


def facts(product: Product, name: str, password: str, hosts: Sequence[str]) -> dict[str, str]:
    """How services reach it."""
    backing = product.backing[name]
    if isinstance(backing, Redis):
        return redis.facts(password, hosts[0])
    assert isinstance(backing, Postgres | MongoDB)  # noqa: S101  (settings.placement)
    user, database = owner_of(product.name, backing), database_of(product.name, backing)
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


_OWNER, _OWNERS = "DATABASE_USER", "DATABASE_PASSWORD"
_BEGIN = "/docker-entrypoint-initdb.d"
"""Scripts in it run once, when there is no data yet: every image's own way."""
# psql runs what is in backticks, so that the password is on no command line; Compose makes $ of $$
_OWN_POSTGRES = f"""\\set owner `printf %s "$${_OWNER}"`
\\set password `printf %s "$${_OWNERS}"`
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
ALTER DATABASE :"DBNAME" OWNER TO :"owner";
SELECT :SERVER_VERSION_NUM < 150000 AS before_15 \\gset
\\if :before_15
ALTER SCHEMA public OWNER TO :"owner";
\\endif
"""


def _started(before: str, file: str = "", script: str = "") -> list[str]:
    """An entrypoint that does this first; one that finds no data yet runs the script, as a file of this name."""
    begin = f'printf %s "$$0" > {_BEGIN}/{file} && ' if script else ""
    return ["/bin/sh", "-c", f'{before} && {begin}exec docker-entrypoint.sh "$$@"', script or "start"]


def _postgres(product: Product, postgres: Postgres, password: str) -> Engine:
    settings = [word for key, value in postgres.settings.items() for word in ("-c", literal(f"{key}={value}"))]
    # over TCP: while the database is being made, the server listens on its socket alone
    check = 'pg_isready --quiet --host 127.0.0.1 --username "$$POSTGRES_USER" --dbname "$$POSTGRES_DB"'
    # nobody needs to know the administrator's: at the server's own socket it is let in without one
    nobodys = "export POSTGRES_PASSWORD=$$(head -c 32 /dev/urandom | base64)"
    return Engine(
        container={
            "entrypoint": _started(nobodys, "owner.sql", _OWN_POSTGRES),
            "command": ["postgres", *settings],
            "tmpfs": [f"{_BEGIN}:mode=0755"],
            "shm_size": "256m",
            "cap_add": RIGHTS,
            "healthcheck": health(["CMD-SHELL", check]),
        },
        variables={
            _OWNERS: password,
            _OWNER: owner_of(product.name, postgres),
            "POSTGRES_DB": database_of(product.name, postgres),
            "POSTGRES_INITDB_ARGS": "--data-checksums",  # 18's default; older ones tell of no page that went bad
            "POSTGRES_USER": ADMINISTRATOR,
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


@dataclass(frozen=True)
class _Begun:
    """What a set's first member is told when it has no data yet, and the key that all of its members have."""

    variables: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    script: str


def _mongodb_begun(product: Product, mongodb: MongoDB, password: str, administrators: str) -> _Begun:
    database = database_of(product.name, mongodb)
    roles = json.dumps([{"role": role, "db": database} for role in ("readWrite", "dbAdmin")])
    script = (
        'db.getSiblingDB("admin").createUser('
        f"{{user: process.env.{_OWNER}, pwd: process.env.{_OWNERS}, roles: {roles}}})"
    )
    variables = {
        _OWNERS: password,
        _OWNER: owner_of(product.name, mongodb),
        "MONGO_INITDB_ROOT_PASSWORD": administrators,
        "MONGO_INITDB_ROOT_USERNAME": ADMINISTRATOR,
    }
    return _Begun(variables, key_file(administrators), script)


def _mongodb(mongodb: MongoDB, begun: _Begun, limit: int, hosts: Sequence[str], member: int) -> Engine:
    """A member of a replica set. The first makes the set and its users; a set takes only members that are empty."""
    options = ["--replSet", mongodb.replica_set, "--keyFile", _KEY, "--bind_ip_all", "--auth"]
    key = f"install -D -o mongodb -g mongodb -m 0400 {FILE} {_KEY}"
    ask = _initiated(mongodb.replica_set, hosts) if member == 0 else 'quit(db.adminCommand("ping").ok ? 0 : 1)'
    # mongosh takes as much memory as mongod has beside its cache: it asks until all is well, once for each start
    listens = f": </dev/tcp/127.0.0.1/{PORTS['mongodb']}"
    check = f'if [ -e {_WELL} ]; then {listens}; else mongosh --quiet --norc --eval "$$0" && touch {_WELL}; fi'
    return Engine(
        container={
            "entrypoint": _started(key, "owner.js", begun.script) if member == 0 else _started(key),
            "command": ["mongod", *options, "--wiredTigerCacheSizeGB", f"{cache_gb(limit):g}"],
            "tmpfs": ["/run/slipway:mode=0755", "/data/configdb", f"{_BEGIN}:mode=0755"],
            "cap_add": RIGHTS,
            "healthcheck": health(["CMD", "bash", "-c", check, ask]),
        },
        variables=begun.variables if member == 0 else {},
        data="/data/db",
        file=begun.key,
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
        f"{_LOG_IN}try {{ rs.status().ok }} catch (e) {{ rs.initiate({wanted}).ok }} "
        f"{_ELECT if several else ''}"
        "const said = db.hello(); quit(said.isWritablePrimary || said.secondary ? 0 : 1)"
    )


# In a set that was made before there was an administrator, the product's user is one.
_LOG_IN = (
    'const admin = db.getSiblingDB("admin"); '
    "try { admin.auth(process.env.MONGO_INITDB_ROOT_USERNAME, process.env.MONGO_INITDB_ROOT_PASSWORD) } "
    f"catch (e) {{ admin.auth(process.env.{_OWNER}, process.env.{_OWNERS}) }} "
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
