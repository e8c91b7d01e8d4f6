"""redis.conf, whole, for Redis 6.0 (Ubuntu 22.04) up to 8 (Debian 13) and Valkey: with a password, and on loopback
where it is the host's own.

Loopback is 127.0.0.1, which every host has; ::1 is missing where IPv6 is off, and a listener on it would not start.
"""

from __future__ import annotations

from hostfiles.manifest import File
from hostfiles.text import HEADER, joined
from settings.backing import Redis

SHARE = 8
"""Redis may fill one part in this many of the memory: beside it run the product, RabbitMQ and the file cache."""

_SAVE = {
    "none": ['save ""', "appendonly no"],
    "snapshot": ["save 3600 1", "save 300 100", "save 60 10000", "appendonly no"],
    "append-only": ['save ""', "appendonly yes", "appendfsync everysec", "aof-use-rdb-preamble yes"],
}

# Redis has no option that only checks. With nowhere to listen it reads the file, says so, and ends; a bad file ends it
# before. (The file must name no log: the check would make it, as root.) Redis' own words stay unsaid: they would quote
# the line that is wrong, and that may be the password's.
_CHECK = (
    'redis-server "$1" --port 0 --unixsocket "" --dir /tmp --daemonize no --supervised no 2>&1 '
    '| grep -q "not listen anywhere"'
)


def config(redis: Redis, password: str, memory: int) -> str:
    """The text of redis.conf. `memory` is the machine's, in MiB."""
    process = ["supervised systemd", "pidfile /run/redis/redis-server.pid"]
    return _config(redis, password, max(64, memory // SHARE), "127.0.0.1", "/var/lib/redis", process)


def contained(redis: Redis, password: str, limit: int) -> str:
    """The same for a container, whose engine may be Valkey. `limit` is what the container may take, in MiB.

    A third of it is left: to save, the server forks, and what is written meanwhile is there twice.
    """
    return _config(redis, password, limit * 2 // 3, "0.0.0.0", "/data", [])  # noqa: S104  (its own network's)


def _config(redis: Redis, password: str, most: int, bind: str, directory: str, process: list[str]) -> str:
    return joined(
        [
            f"# {HEADER}",
            f"bind {bind}",
            "port 6379",
            "protected-mode yes",
            f"requirepass {_quoted(password)}",
            "# whoever holds the password still can't write files elsewhere or turn the server into another one",
            'rename-command CONFIG ""',
            'rename-command DEBUG ""',
            "timeout 0",
            "tcp-keepalive 60",
            "tcp-backlog 511",
            "databases 16",
            "maxclients 4000",
            "",
            f"maxmemory {most}mb",
            f"maxmemory-policy {redis.eviction}",
            "",
            f"dir {directory}",
            "dbfilename dump.rdb",
            *_SAVE[redis.persistence],
            "stop-writes-on-bgsave-error no" if redis.persistence == "none" else "stop-writes-on-bgsave-error yes",
            "",
            "daemonize no",
            *process,
            'logfile ""',
            "loglevel notice",
        ]
    )


def file(redis: Redis, password: str, memory: int) -> File:
    """/etc/redis/redis.conf, owned as the package owns it: an upgrade of the package sets that again."""
    return File(
        path="/etc/redis/redis.conf",
        content=config(redis, password, memory),
        mode="0640",
        owner="redis",
        group="redis",
        validate=("/bin/sh", "-c", _CHECK, "check", "{}"),
        then=("restart redis-server.service",),
    )


def facts(password: str, host: str = "127.0.0.1") -> dict[str, str]:
    """How a service reaches it."""
    return {"url": f"redis://:{password}@{host}:6379/0", "host": host, "port": "6379", "password": password}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
