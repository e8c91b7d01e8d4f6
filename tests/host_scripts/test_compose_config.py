"""What a host with containers is told: its release.json, and requests for images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.host import compose_config, kinds
from scripts.host.compose_config import ComposeConfig, ComposeLayout, ComposeService
from scripts.host.release import check_kind
from scripts.host.release_config import Config, Layout
from scripts.host.request import Request, fingerprint, read_request
from scripts.host.run import HostError
from tests.host_scripts.fake_docker import ONE, TWO

API = {
    "name": "api",
    "role": "web",
    "health": "/health/",
    "replicas": 2,
    "ports": {"blue": [20000, 20001], "green": [30000, 30001]},
}
WHOLE: dict[str, Any] = {
    "kind": "compose",
    "product": "tiny",
    "root": "/opt/tiny",
    "domain": "tiny.example.com",
    "services": [API, {"name": "mail-worker", "role": "worker", "ready": None}],
    "dumps": [{"name": "main", "engine": "postgres", "image": "x", "env_file": "/opt/tiny/env/dump-main.env"}],
    "front": {"port": 80, "tls": False},
}
REQUEST: dict[str, Any] = {
    "images": {"app": ONE, "site": TWO},
    "services": {"api": "app", "mail-worker": "app"},
    "versions": {"app": "2.1"},
    "revision": "1",
    "owner": "alice",
}


def test_the_ports_of_a_slot_are_one_for_each_replica() -> None:
    config = compose_config.parse(json.dumps(WHOLE))
    api, worker = config.services
    assert (api.slot_ports("blue"), api.slot_ports("green")) == ([20000, 20001], [30000, 30001])
    assert worker.slot_ports("blue") == []
    assert (worker.variable, config.project("green")) == ("MAIL_WORKER", "tiny-green")
    assert (config.front.port, config.front.tls) == (80, False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"services": [{**API, "role": "static"}]}, "services.api.role: 'static' does not run from an image"),
        ({"services": [{**API, "health": None}]}, "services.api has no health"),
        ({"services": [{**API, "replicas": 3}]}, "services.api.ports.blue are not 3, one for each replica"),
        ({"services": [{**API, "ports": {"blue": [1, 2]}}]}, "lacks green"),
        ({"dumps": [{**WHOLE["dumps"][0], "engine": "mysql"}]}, "dumps.main.engine: 'mysql' is not dumped"),
        ({"jobs": [{"name": "m", "service": "none", "command": "x", "when": "before-switch"}]}, "no service 'none'"),
        ({"root": None}, "release.json"),
    ],
)
def test_a_wrong_release_json_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(HostError) as caught:
        compose_config.parse(json.dumps(WHOLE | change))
    assert reason in caught.value.reason


def test_the_kind_of_a_host_is_what_was_applied_to_it(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="comes with `slipway apply`"):
        kinds.load(tmp_path, tmp_path)
    file = tmp_path / "release.json"
    file.write_text(json.dumps(WHOLE))
    layout, config = kinds.load(tmp_path, tmp_path)
    assert isinstance(layout, ComposeLayout)
    assert isinstance(config, ComposeConfig)
    assert layout.log("x") == Path("/opt/tiny/logs/x.log")
    services = [{"name": "api", "role": "worker", "runtime": "python", "command": "x"}]
    source = {**WHOLE, "kind": None, "user": "tiny", "repository": "r", "services": services}
    file.write_text(json.dumps(source))
    layout, config = kinds.load(tmp_path, Path("/var/lib/slipway"))
    assert type(layout) is Layout
    assert isinstance(config, Config)
    assert layout.log("x") == Path("/var/lib/slipway/logs/x.log")
    file.write_text("[]")
    with pytest.raises(HostError, match="not an object"):
        kinds.load(tmp_path, tmp_path)


def test_a_request_for_images_is_known_by_them() -> None:
    request = read_request(json.dumps(REQUEST))
    assert request.commit == fingerprint(REQUEST["images"])
    assert len(request.commit) == 40
    assert fingerprint({"site": TWO, "app": ONE}) == request.commit
    assert fingerprint({"app": TWO, "site": ONE}) != request.commit
    assert (request.services, request.versions) == (REQUEST["services"], {"app": "2.1"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"images": {"app": "ghcr.io/x/app:2.1"}}, "images.app: 'ghcr.io/x/app:2.1' does not end with a digest"),
        ({"images": {"app": "ghcr.io/x/app@sha256:12"}}, "does not end with a digest"),
        ({"images": {"app": ONE.upper()}}, "does not end with a digest"),
        ({"services": {"api": "backend"}}, "services.api: there is no image 'backend' among images"),
        ({"services": None}, "is not a release request"),
        ({"images": [ONE]}, "is not a release request"),
        ({"owner": ...}, "is not a release request: no owner"),
    ],
)
def test_a_request_for_images_that_is_none_is_refused(change: dict[str, Any], reason: str) -> None:
    data = {key: value for key, value in (REQUEST | change).items() if value is not ...}
    with pytest.raises(HostError) as caught:
        read_request(json.dumps(data))
    assert reason in caught.value.reason


def test_a_host_releases_what_its_kind_can_run() -> None:
    containers = compose_config.parse(json.dumps(WHOLE))
    images, commit = read_request(json.dumps(REQUEST)), Request("c" * 40, "1", "alice")
    check_kind(images, containers)
    with pytest.raises(HostError, match="names a commit, and this host runs images"):
        check_kind(commit, containers)
    with pytest.raises(HostError, match=r"^the request names no image for services\.mail-worker$"):
        check_kind(read_request(json.dumps({**REQUEST, "services": {"api": "app"}})), containers)
    source = Config(product="a", root=Path("/"), domain="d", services=(), user="a", repository="r")
    check_kind(commit, source)
    with pytest.raises(HostError, match="names images, and this host builds a commit"):
        check_kind(images, source)


def test_a_service_without_ports_is_not_asked() -> None:
    assert ComposeService(name="a", role="scheduler").slot_ports("blue") == []
