"""What stops a release of images before it can do harm, and what is told of one that serves."""

from __future__ import annotations

import re

import pytest

from scripts.host import leaks
from tests.host_scripts.compose_machine import FIRST, SECOND, SERVICES, Machine
from tests.host_scripts.fake_docker import TWO


@pytest.mark.parametrize("user", ["", "root", "0:0", "0", "00:1000"])
def test_a_container_that_would_be_root_s_is_refused(machine: Machine, user: str) -> None:
    machine.docker.registry[TWO] = user
    said = machine.failure(FIRST, TWO)
    assert said.startswith("release failed at step environment: services.api runs as root: ")
    assert said.endswith('say user: "uid:gid"')
    machine.docker.users = dict.fromkeys(SERVICES, "1000:1000")
    machine.release(SECOND, TWO)


def test_networks_and_volumes_of_others_are_made_where_they_are_missing(machine: Machine) -> None:
    machine.release(FIRST)
    assert "tiny" in machine.docker.networks
    assert machine.docker.volumes == {"tiny-kept"}
    assert "restart slipway-docker.service" in machine.units
    machine.units.clear()
    machine.release(SECOND, TWO)
    assert "restart slipway-docker.service" not in machine.units
    assert len(machine.docker.started("network", "create")) == 1


@pytest.mark.parametrize("value", ["True", "1", "'yes'", '"on"'])
def test_a_debug_flag_that_is_on_stops_a_release(machine: Machine, value: str) -> None:
    """VU9."""
    machine.variables("worker", f"DEBUG={value}\n")
    assert "step preflight: services.worker: DEBUG is on" in machine.failure(FIRST)


def test_variables_that_others_may_read_or_that_are_missing_stop_a_release(machine: Machine) -> None:
    machine.variables("beat", "A=1\n", 0o640)
    assert "beat.env is not root's alone (mode 0640)" in machine.failure(FIRST)
    machine.layout.variables("beat").unlink()
    assert "beat.env: No such file or directory; `slipway apply` brings it" in machine.failure(FIRST)
    machine.variables("beat", f"half a {machine.secret}")
    said = machine.failure(FIRST)
    assert ".env line 1 is not NAME=value" in said
    assert machine.secret not in said


def test_a_backing_service_beside_the_product_is_asked_where_its_container_is(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.release(FIRST)
    asked: list[tuple[str, int]] = []

    def reachable(host: str, port: int) -> bool:
        asked.append((host, port))
        return True

    monkeypatch.setattr("scripts.host.probe.reachable", reachable)
    machine.variables("api", "A=redis://worker:6379/0\nB=mongodb://db.example.com/x\n")
    machine.release(SECOND, TWO)
    assert asked == [("172.30.0.9", 6379), ("db.example.com", 27017)]


def test_a_full_disk_of_docker_s_stops_a_release(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.apply(min_free_mib=10**9)
    assert re.search(r"step preflight: only \d+ MiB free in .*, a release needs 1000000000", machine.failure(FIRST))


def test_docker_is_started_where_it_does_not_run(machine: Machine) -> None:
    machine.down = {"docker.service"}
    machine.release(FIRST)
    assert machine.units[:3] == [
        "is-active --quiet docker.service",
        "reset-failed docker.service",
        "start docker.service",
    ]


def test_a_log_with_a_secret_in_it_is_told_without_it(machine: Machine) -> None:
    """VU9: logs clean of sensitive data."""
    machine.docker.written = {"worker": f"started\nmy key is {machine.secret}\n", "api": "DEBUG is False"}
    effects = machine.release(FIRST)
    assert effects.leaks("blue") == ["services.worker writes SECRET_KEY into its log"]
    effects.verify(machine.state(FIRST, slot="blue"))
    assert effects.progress.tail[-1] == "note: services.worker writes SECRET_KEY into its log"


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"API_KEY": "0123456789"}, ["API_KEY"]),
        ({"DATABASE_URL": "postgres://app:hunter2hunter2@db/app"}, ["DATABASE_URL"]),
        ({"VAPID_PUBLIC_KEY": "0123456789"}, []),
        ({"TOKENIZERS": "0123456789", "MODE": "0123456789"}, []),
        ({"SECRET_KEY": "short"}, []),
    ],
)
def test_secrets_are_what_is_called_so_and_passwords_in_urls(variables: dict[str, str], found: list[str]) -> None:
    assert leaks.leaks(variables, ["a short line with 0123456789", "and hunter2hunter2"]) == found
