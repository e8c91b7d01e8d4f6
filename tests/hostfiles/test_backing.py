"""Redis and RabbitMQ: on loopback, with a password (FF2)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import socket
import subprocess
import time
from pathlib import Path

import pytest

from hostfiles import rabbitmq, redis
from settings.backing import Redis
from tests.hostfiles.conftest import Run
from tests.hostfiles.stacks import content, manifest, stack
from tests.ports import free_port

CACHE = Redis(engine="redis", provider="host")


def _redis(**said: object) -> Redis:
    return Redis.model_validate({"engine": "redis", "provider": "host", **said})


def _check(run: Run, path: Path) -> subprocess.CompletedProcess[str]:
    command = redis.file(CACHE, "-", 4096).validate
    return run(command[0], *(argument.replace("{}", str(path)) for argument in command[1:]))


@pytest.mark.parametrize("persistence", ["none", "snapshot", "append-only"])
def test_redis_takes_its_configuration(persistence: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "redis.conf"
    path.write_text(redis.config(_redis(persistence=persistence), secrets.token_hex(16), 4096))
    assert _check(run, path).returncode == 0


def test_a_wrong_line_is_refused_before_it_lands_and_is_not_repeated(run: Run, tmp_path: Path) -> None:
    """ALL3: the wrong line may be the password's."""
    password = secrets.token_urlsafe(16)
    path = tmp_path / "redis.conf"
    path.write_text(redis.config(CACHE, password, 4096) + f"requirepass {password} {password}\n")
    checked = _check(run, path)
    assert checked.returncode != 0
    assert password not in checked.stdout + checked.stderr


def test_redis_asks_for_the_password_and_can_not_be_reconfigured(run: Run, tmp_path: Path) -> None:
    password = 'a"b\\c ' + secrets.token_urlsafe(8)
    port = free_port()
    text = redis.config(CACHE, password, 4096).replace("port 6379", f"port {port}").replace("supervised systemd", "")
    text = text.replace("dir /var/lib/redis", f"dir {tmp_path}")
    text = re.sub(r"^(pidfile) .*/", rf"\1 {tmp_path}/", text, flags=re.MULTILINE)
    (tmp_path / "redis.conf").write_text(text)
    server = subprocess.Popen(["redis-server", str(tmp_path / "redis.conf")], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        ask = ("redis-cli", "-h", "127.0.0.1", "-p", str(port))
        assert "NOAUTH" in run(*ask, "ping").stdout
        assert run(*ask, "ping", REDISCLI_AUTH=password).stdout == "PONG\n"
        assert "unknown command" in run(*ask, "config", "get", "*", REDISCLI_AUTH=password).stdout
        memory = run(*ask, "info", "memory", REDISCLI_AUTH=password).stdout
        assert "maxmemory:536870912" in memory
        assert "maxmemory_policy:noeviction" in memory
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("Redis does not listen")


def test_eviction_and_persistence_are_the_stack_files() -> None:
    text = redis.config(_redis(eviction="allkeys-lru", persistence="none"), "-", 8192)
    assert "maxmemory 1024mb" in text
    assert "maxmemory-policy allkeys-lru" in text
    assert 'save ""' in text


def test_nothing_of_either_listens_beyond_loopback() -> None:
    made = manifest(stack())
    assert "\nbind 127.0.0.1\n" in content(made, "/etc/redis/redis.conf")
    listeners = re.findall(r"^listeners.*= (.*)$", content(made, "/etc/rabbitmq/rabbitmq.conf"), re.MULTILINE)
    assert listeners == ["127.0.0.1:5672"]
    assert content(made, "/etc/rabbitmq/rabbitmq-env.conf").count("{127,0,0,1}") == 2
    streams = re.findall(
        "^ListenStream=(.*)$", content(made, "/etc/systemd/system/epmd.socket.d/10-slipway.conf"), re.M
    )
    assert streams == ["", "127.0.0.1:4369"]


def test_rabbitmq_has_one_user_and_no_guest() -> None:
    password = secrets.token_hex(16)
    found = json.loads(rabbitmq.definitions("familyflow", password))
    assert [user["name"] for user in found["users"]] == ["familyflow"]
    assert found["users"][0]["tags"] == []
    assert password not in json.dumps(found)


def test_the_password_hash_is_rabbitmqs_and_the_same_each_time() -> None:
    """RabbitMQ's documentation: base64 of four bytes of salt and the hash of salt and password."""
    password = secrets.token_hex(16)
    hashed = base64.b64decode(rabbitmq.password_hash(password))
    assert hashed[4:] == hashlib.sha256(hashed[:4] + password.encode()).digest()
    assert rabbitmq.password_hash(password) == rabbitmq.password_hash(password)
    assert rabbitmq.password_hash(password) != rabbitmq.password_hash(password + "x")
