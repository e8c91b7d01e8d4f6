"""Docker on a host: its daemon, its log-in to a registry, and the guard before what it forwards."""

from __future__ import annotations

import base64
import ipaddress
import json
import secrets
import subprocess
from pathlib import Path

import pytest

from hostfiles import docker
from tests.hostfiles.compose_stacks import data_manifests, everything, fleet, manifest, stack
from tests.hostfiles.stacks import content

PUBLISHED = docker.Published("10.100.0.21", (6379, 5432), "10.100.0.0/20")


def _in_a_network_of_its_own(script: str, text: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "--net", "sh", "-c", script]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("published", [None, PUBLISHED], ids=["product", "data"])
def test_nftables_takes_the_guard_again_and_again(published: docker.Published | None) -> None:
    """A second load replaces the first: the table has each rule once."""
    checked = _in_a_network_of_its_own("nft --check --file -", docker.forward(published))
    assert (checked.returncode, checked.stderr) == (0, "")
    loaded = _in_a_network_of_its_own(
        'text=$(cat); echo "$text" | nft --file - && echo "$text" | nft --file - && nft list ruleset',
        docker.forward(published),
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.count('iifname "br-*" accept') == 1
    assert "policy drop" in loaded.stdout


@pytest.mark.parametrize("published", [None, PUBLISHED], ids=["product", "data"])
def test_no_container_reaches_the_clouds_metadata(published: docker.Published | None) -> None:
    """ALL3: neither with a new connection nor with one from before the guard."""
    rules = [line.strip() for line in docker.forward(published).splitlines()]
    first = next(number for number, rule in enumerate(rules) if rule.endswith("accept"))
    assert rules.index("ip daddr 169.254.0.0/16 drop") < first


def test_the_guard_lets_nobody_in_but_where_data_is_kept() -> None:
    """A port that a container publishes by mistake is shut, and the engines' ports are the VPC's alone."""
    assert "dport" not in docker.forward() + docker.forward(PUBLISHED)
    assert "saddr" not in content(manifest(everything()), docker.FORWARD)
    first, second, third = data_manifests(fleet())
    assert (
        "ip saddr 10.100.0.0/20 ct original ip daddr 10.100.0.21 ct original proto-dst { 5432, 6379, 27017 } accept"
        in content(first, docker.FORWARD)
    )
    for made, address in ((second, "10.100.0.22"), (third, "10.100.0.23")):
        rule = f"ip saddr 10.100.0.0/20 ct original ip daddr {address} ct original proto-dst {{ 27017 }} accept"
        assert rule in content(made, docker.FORWARD)


@pytest.mark.parametrize(
    "network", ["10.100.0.0/20", "172.30.0.0/16", "172.30.16.0/20", "172.29.0.0/16", "172.16.0.0/16"]
)
def test_no_container_gets_an_address_of_the_vpcs(network: str) -> None:
    [pool] = json.loads(docker.daemon(network))["default-address-pools"]
    assert not ipaddress.ip_network(pool["base"]).overlaps(ipaddress.ip_network(network))
    assert ipaddress.ip_network(pool["base"]).is_private


def test_logs_end_and_an_upgrade_of_docker_stops_no_container() -> None:
    """The issue's words: bounded logs, live-restore, no userland proxy."""
    config = json.loads(content(manifest(stack("devora-vps")), "/etc/docker/daemon.json"))
    assert config["log-opts"] == {"max-file": "3", "max-size": "10m"}
    assert (config["live-restore"], config["userland-proxy"], config["no-new-privileges"]) == (True, False, True)
    assert "icc" not in config


@pytest.mark.parametrize(
    ("server", "key"), [("ghcr.io", "ghcr.io"), ("docker.io", "https://index.docker.io/v1/")], ids=["ghcr", "hub"]
)
def test_docker_finds_the_log_in_under_the_registrys_key(server: str, key: str) -> None:
    """VU3."""
    token = secrets.token_urlsafe(16)
    registry = {"server": server, "user": "deploy", "token": {"secret": "GHCR_PAT"}}
    auths = json.loads(docker.credentials(stack("prod", {"registry": registry}).product, token))["auths"]
    assert base64.b64decode(auths[key]["auth"]).decode() == f"deploy:{token}"


def test_the_log_in_is_roots_alone_and_goes_when_nobody_gives_it_any_more() -> None:
    """VU3, ALL3."""
    product, place = stack("prod").product, "/root/.docker/config.json"
    [file] = [file for file in docker.files(product, "10.100.0.0/20", "token", []) if file.path == place]
    assert file.mode == "0600"
    assert [file.path for file in docker.files(product, "10.100.0.0/20", None, []) if file.path == place] == []
    assert (docker.absent("token"), docker.absent(None)) == ((), (place,))


def test_each_distribution_has_a_package_for_everything() -> None:
    """Ubuntu names Compose v2 otherwise than Debian 13, and has no package for the command line alone."""
    packages = manifest(stack("devora-vps")).packages
    assert {"docker.io", "docker-cli|docker.io", "docker-compose-v2|docker-compose", "nftables"} <= set(packages)
    assert "certbot" in packages
    assert "certbot" not in manifest(stack("prod")).packages


def test_a_volume_is_a_directory_below_the_products_own_and_keeps_its_owner() -> None:
    unit = content(manifest(everything()), f"/etc/systemd/system/{docker.OBJECTS_UNIT}")
    uploads = "/opt/devora/data/_volumes/uploads"
    assert f"test -d {uploads} || install --directory --owner=10001 --group=10001 {uploads}" in unit
    assert f"docker volume create --opt type=none --opt o=bind --opt device={uploads} devora-uploads" in unit
    assert "RequiresMountsFor=/opt/devora/data\n" in unit


def test_what_docker_reads_is_checked_before_it_lands(tmp_path: Path) -> None:
    checked = {file.path for file in manifest(stack("devora-vps")).files if file.validate}
    assert {"/etc/docker/daemon.json", docker.FORWARD, "/etc/nginx/nginx.conf"} <= checked
    assert json.loads(docker.daemon("10.100.0.0/20"))
    (tmp_path / "x").write_text(
        "table inet slipway_forward { chain forward { type filter hook forwards priority 0; } }"
    )
    wrong = _in_a_network_of_its_own(f"nft --check --file {tmp_path}/x", "")
    assert wrong.returncode != 0
