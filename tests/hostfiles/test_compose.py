"""compose.yaml: read by the schema of the Compose specification (DV2, VU4, VU7)."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostfiles import compose, data_services
from hostfiles.manifest import Manifest
from settings.stack import Settings
from tests.hostfiles.compose_stacks import data_manifests, everything, fleet, manifest, passwords, stack, words
from tests.hostfiles.stacks import content

STACKS = {name: stack(name) for name in ("devora-vps", "devora-fleet", "prod")} | {"everything": everything()}


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    """Ask the Compose specification's own schema, which check-jsonschema brings."""
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def read(text: str) -> dict[str, Any]:
    """A compose file's model."""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("name", STACKS)
def test_the_file_is_what_the_specification_allows(name: str, tmp_path: Path) -> None:
    """DV2."""
    path = tmp_path / "compose.yaml"
    path.write_text(compose.text(compose.release(STACKS[name].product)))
    checked = check_schema(path)
    assert checked.returncode == 0, checked.stdout


def test_the_schema_would_see_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(compose.text(compose.release(STACKS["devora-vps"].product)).replace("read_only", "readonly"))
    assert check_schema(path).returncode != 0


@pytest.mark.parametrize("name", STACKS)
def test_no_container_has_a_right_that_it_does_not_need(name: str) -> None:
    """VU7."""
    for service in read(compose.text(compose.release(STACKS[name].product)))["services"].values():
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges=true"])
        assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(service)
        assert service["deploy"]["resources"]["limits"]["pids"] == compose.MOST_PROCESSES
        assert all(not volume.startswith(("/", ".")) for volume in service.get("volumes", ()))


def test_a_container_gets_what_its_service_says() -> None:
    """DV1: replicas, CPU, memory."""
    services = read(compose.text(compose.release(everything().product)))["services"]
    api, mail = services["backend"], services["mail"]
    assert api["deploy"] == {
        "replicas": 2,
        "resources": {"limits": {"pids": compose.MOST_PROCESSES, "cpus": "1", "memory": "512M"}},
    }
    assert (api["read_only"], "tmpfs" in api, api["user"]) == (False, False, "10001:10001")
    assert api["volumes"] == ["uploads:/var/devora/uploads"]
    assert (mail["read_only"], mail["tmpfs"], mail["stop_grace_period"]) == (True, ["/tmp"], "90s")


def test_a_host_that_is_short_of_memory_gives_up_the_products_processes_before_its_data() -> None:
    """An engine has the kernel's own 0, so that it would have to take half of all memory to be chosen before them."""
    settings = everything()
    services = read(compose.text(compose.release(settings.product)))["services"]
    assert {service["oom_score_adj"] for service in services.values()} == {500}
    place = data_services.beside(settings.product, 8192)
    engines = data_services.model(settings.product, place, passwords(settings))["services"]
    assert not [name for name, service in engines.items() if service.get("oom_score_adj")]


def test_a_dollar_is_the_containers_own_and_not_filled_in_by_compose() -> None:
    mail = read(compose.text(compose.release(everything().product)))["services"]["mail"]
    command = "celery -A app worker --loglevel 'info' -n $HOSTNAME"
    assert mail["command"] == [word.replace("$", "$$") for word in shlex.split(command)]
    assert mail["healthcheck"]["test"] == ["CMD", "celery", "-A", "app", "inspect", "ping", "-d", "$$HOSTNAME"]


def test_what_differs_between_releases_is_not_in_the_file() -> None:
    """VU5, VU6: the same file serves either slot, with any image."""
    text = compose.text(compose.release(stack("prod").product))
    assert "sha256" not in text
    services = read(text)["services"]
    assert services["backend"]["image"] == "${BACKEND_IMAGE:?}"
    assert services["backend"]["ports"] == ["127.0.0.1:${BACKEND_PORTS:?}:8000"]
    assert services["backend"]["env_file"] == ["./env/backend.env"]
    told = {name: f"${{{name}:?}}" for name in ("SLIPWAY_RELEASE", "SLIPWAY_SLOT", "SLIPWAY_HOST")}
    assert [service["environment"] for service in services.values()] == [told] * 2
    other = stack("prod", {"release": {"images": dict.fromkeys(services, f"ghcr.io/example/x@sha256:{'9' * 64}")}})
    assert compose.text(compose.release(other.product)) == text


def test_only_web_services_are_published_and_only_on_loopback() -> None:
    services = read(compose.text(compose.release(everything().product)))["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"backend", "frontend"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_a_service_is_asked_for_its_health_with_what_its_image_has(tmp_path: Path) -> None:
    """In the order of curl, wget, Python, Node; as a visitor of the product."""
    check = read(compose.text(compose.release(stack("devora-vps").product)))["services"]["backend"]["healthcheck"][
        "test"
    ]
    assert check[0] == "CMD-SHELL"
    for program in ("curl", "wget", "python3", "node"):
        (tmp_path / program).write_text(f'#!/bin/sh\nprintf "%s\\n" {program} "$@" > {tmp_path}/asked\n')
        (tmp_path / program).chmod(0o755)
    for program in ("curl", "wget", "python3", "node"):
        done = subprocess.run(
            ["/bin/sh", "-c", check[1]], env={"PATH": str(tmp_path)}, capture_output=True, check=False
        )
        assert done.returncode == 0
        asked = (tmp_path / "asked").read_text()
        assert asked.startswith(f"{program}\n")
        assert "devora.ai" in asked
        assert "/api/" in asked
        (tmp_path / program).unlink()


def _hosts(settings: Settings) -> list[Manifest]:
    return [manifest(settings), *data_manifests(settings)]


@pytest.mark.parametrize("settings", [everything(), stack("prod"), fleet()], ids=["everything", "vulcan", "fleet"])
def test_a_secret_is_in_files_of_roots_alone_and_in_no_model_unit_or_route(settings: Settings) -> None:
    """ALL3, VU7."""
    held = words(settings)
    for made in _hosts(settings):
        holding = {file.path: file for file in made.files if any(text in file.content for text in held.values())}
        assert [path for path, file in holding.items() if int(file.mode, 8) & 0o077 or file.owner != "root"] == []
        outside = ("compose.yaml", "docker-compose.prod.yml", "data.yaml", "release.json", ".service", ".conf", ".nft")
        assert [path for path in holding if path.endswith(outside)] == []
        root = f"/opt/{settings.product.name}/env/"
        assert {path for path in holding if not path.startswith(root)} <= {"/root/.docker/config.json"}
    assert any(text in file.content for text in held.values() for file in manifest(settings).files), "words are told"


@pytest.mark.parametrize("made", [*_hosts(everything()), *_hosts(fleet())], ids=lambda made: made.hostname)
def test_the_compose_files_of_every_host_are_valid(made: Manifest, tmp_path: Path) -> None:
    found = [file for file in made.files if file.path.startswith("/opt/") and file.path.endswith((".yml", ".yaml"))]
    models = [file for file in found if "/compose/" in file.path]
    assert models
    for file in models:
        path = tmp_path / Path(file.path).name
        path.write_text(file.content)
        checked = check_schema(path)
        assert checked.returncode == 0, checked.stdout


def test_release_json_names_no_image_of_the_products_and_no_variable() -> None:
    text = content(manifest(everything()), "/etc/slipway/release.json")
    assert "sha256" not in text
    config = json.loads(text)
    assert config["kind"] == "compose"
    assert [service["name"] for service in config["services"]] == ["backend", "frontend", "mail", "beat"]
    assert config["must_not_be_true"] == ["DEBUG", "ENABLE_DEBUG_BAR"]
    assert [dump["engine"] for dump in config["dumps"]] == ["mongodb", "postgres"]
    assert (config["front"], config["root"]) == ({"port": 443, "tls": True}, "/opt/devora")
