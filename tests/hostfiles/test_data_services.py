"""Backing services in containers, beside the product and on hosts of their own (DV1, DV6, VU2)."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostfiles import data_services, engines, redis
from settings.backing import Redis
from settings.placement import SYSTEM_MIB
from settings.stack import Settings
from tests.hostfiles.compose_stacks import DATA_HOSTS, everything, fleet, passwords
from tests.hostfiles.conftest import Run
from tests.ports import free_port

BESIDE = everything()
APART = fleet()


def _model(settings: Settings, place: data_services.Place) -> dict[str, Any]:
    files = data_services.files(settings.product, place, passwords(settings))
    [text] = [file.content for file in files if file.path.endswith("/data.yaml")]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _beside() -> dict[str, Any]:
    return _model(BESIDE, data_services.beside(BESIDE.product, 8192))


def _apart(number: int) -> dict[str, Any]:
    return _model(APART, data_services.apart(APART.product, 4096, DATA_HOSTS, number))


def test_beside_the_product_they_are_reached_by_their_names_and_publish_nothing() -> None:
    """DV1."""
    model = _beside()
    assert set(model["services"]) == {"cache", "documents", "memory"}
    assert model["networks"] == {"default": {"name": "devora", "external": True}}
    assert [name for name, service in model["services"].items() if "ports" in service] == []
    facts = data_services.facts(BESIDE.product, passwords(BESIDE))
    assert facts["memory"]["url"] == "postgresql://devora:password-of-memory@memory:5432/devora"
    assert facts["cache"]["url"] == "redis://:password-of-cache@cache:6379/0"
    assert facts["documents"]["url"] == (
        "mongodb://devora:password-of-documents@documents:27017/devora_projects_db?authSource=admin&replicaSet=rs0"
    )


def test_apart_they_are_published_on_the_private_address_alone() -> None:
    """VU1, VU2."""
    ports = {name: service["ports"] for name, service in _apart(0)["services"].items()}
    assert ports == {
        "cache": ["10.100.0.21:6379:6379"],
        "database": ["10.100.0.21:5432:5432"],
        "documents": ["10.100.0.21:27017:27017"],
    }
    assert _apart(1)["services"]["documents"]["ports"] == ["10.100.0.22:27017:27017"]
    facts = data_services.facts(APART.product, passwords(APART), DATA_HOSTS)
    assert facts["database"]["host"] == "10.100.0.21"
    assert "@10.100.0.21:27017,10.100.0.22:27017,10.100.0.23:27017/vulcan?" in facts["documents"]["url"]


def test_data_outlives_every_release_and_every_container() -> None:
    """ALL4: volumes are named, and nobody's but the host's to make or remove."""
    model = _beside()
    assert {volume["external"] for volume in model["volumes"].values()} == {True}
    kept = {volume.name: volume.folder for volume in data_services.volumes(BESIDE.product, _place())}
    assert {volume["name"] for volume in model["volumes"].values()} == set(kept)
    assert kept["devora_data_documents"] == "/opt/devora/data/documents"
    assert {service["restart"] for service in model["services"].values()} == {"unless-stopped"}


def _place() -> data_services.Place:
    return data_services.beside(BESIDE.product, 8192)


@pytest.mark.parametrize(("version", "where"), [(17, "/var/lib/postgresql/data"), (18, "/var/lib/postgresql")])
def test_postgres_keeps_its_data_where_its_image_does(version: int, where: str) -> None:
    backing = {"memory": {"engine": "postgres", "provider": "host", "version": version}}
    settings = everything(product={"backing": {**_raw_backing(), **backing}})
    model = _model(settings, data_services.beside(settings.product, 8192))
    assert model["services"]["memory"]["volumes"] == [f"memory:{where}"]


def _raw_backing() -> dict[str, Any]:
    host = {"provider": "host"}
    return {"documents": {"engine": "mongodb", **host}, "cache": {"engine": "redis", **host}}


def test_each_may_take_what_the_stack_file_says_or_a_share() -> None:
    limits = {
        name: service["deploy"]["resources"]["limits"]["memory"] for name, service in _beside()["services"].items()
    }
    assert limits == {"cache": "1024M", "documents": "384M", "memory": "2048M"}
    alone = _apart(0)["services"]["database"]["deploy"]["resources"]["limits"]["memory"]
    assert alone == f"{(4096 - SYSTEM_MIB) // 3}M"


def test_settings_of_postgres_are_its_own_and_compose_fills_nothing_in() -> None:
    backing = {
        "engine": "postgres",
        "provider": "host",
        "settings": {"log_line_prefix": "$ %m", "max_connections": "40"},
    }
    settings = everything(product={"backing": {**_raw_backing(), "memory": backing}})
    command = _model(settings, data_services.beside(settings.product, 8192))["services"]["memory"]["command"]
    assert command == ["postgres", "-c", "log_line_prefix=$$ %m", "-c", "max_connections=40"]


def test_a_password_is_in_no_command_of_a_container() -> None:
    """ALL3: command lines are seen by everybody on the host."""
    for place, settings in ((_place(), BESIDE), (data_services.apart(APART.product, 4096, DATA_HOSTS, 0), APART)):
        services = _model(settings, place)["services"]
        shown = json.dumps(
            [[service.get(key) for key in ("command", "entrypoint", "healthcheck")] for service in services.values()]
        )
        assert [word for word in passwords(settings).values() if word in shown] == []
        assert "_PASSWORD}" not in shown, "Compose would fill it in"
        for variable in ("$$MONGO_INITDB_ROOT_PASSWORD", "$$POSTGRES_PASSWORD", "$$REDISCLI_AUTH"):
            assert variable not in shown, "the shell would put it on a command line"


def test_a_changed_file_makes_its_container_anew() -> None:
    """Compose compares what it is told, not what lies in files."""
    settings = everything(product={"backing": {**_raw_backing(), "memory": {"engine": "postgres", "provider": "host"}}})
    place = data_services.beside(settings.product, 8192)
    labels = [_model(settings, place)["services"]["cache"]["labels"]]
    told = {**passwords(settings), "cache": secrets.token_hex(16)}
    [text] = [file.content for file in data_services.files(settings.product, place, told) if "data.yaml" in file.path]
    assert [yaml.safe_load(text)["services"]["cache"]["labels"]] != labels


def test_a_new_postgres_tells_of_pages_that_went_bad() -> None:
    files = data_services.files(BESIDE.product, _place(), passwords(BESIDE))
    [told] = [file.content for file in files if file.path.endswith("data_memory.env")]
    assert "POSTGRES_INITDB_ARGS='--data-checksums'\n" in told


@contextmanager
def _server(tmp_path: Path, text: str) -> Iterator[int]:
    """The server as its container starts it: the start of the entrypoint, the file on standard input."""
    port = free_port()
    (tmp_path / "file").write_text(text.replace("port 6379", f"port {port}").replace("dir /data", f"dir {tmp_path}"))
    (tmp_path / "docker-entrypoint.sh").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "docker-entrypoint.sh").chmod(0o755)
    shell, option, script = _beside()["services"]["cache"]["entrypoint"]
    script = script.replace("$$", "$").replace(engines.FILE, str(tmp_path / "file"))
    path = f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"
    process = subprocess.Popen([shell, option, script], env={"PATH": path}, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize("persistence", ["none", "snapshot", "append-only"])
def test_the_cache_starts_with_a_file_that_is_roots_alone(persistence: str, run: Run, tmp_path: Path) -> None:
    """VU2: with a password, which is on no command line."""
    password = secrets.token_urlsafe(16)
    backing = Redis.model_validate({"engine": "redis", "provider": "host", "persistence": persistence})
    with _server(tmp_path, redis.contained(backing, password, 96)) as port:
        until = time.monotonic() + 20
        while (answer := run("redis-cli", "-p", str(port), "ping", REDISCLI_AUTH=password).stdout.strip()) != "PONG":
            assert time.monotonic() < until, answer
            time.sleep(0.05)
        assert "NOAUTH" in run("redis-cli", "-p", str(port), "ping").stdout
        shown = run("redis-cli", "-p", str(port), "info", "memory", REDISCLI_AUTH=password).stdout
        assert f"maxmemory:{64 * 1024 * 1024}\r" in shown or f"maxmemory:{64 * 1024 * 1024}\n" in shown
        for command in subprocess.check_output(["ps", "-eo", "args"], text=True).splitlines():
            assert password not in command
