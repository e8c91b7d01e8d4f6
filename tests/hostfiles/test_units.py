"""Units of ours, read by systemd (FF4, FF10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from hostfiles import data_services, docker, pm2_units
from hostfiles.manifest import File
from settings.stack import Settings
from tests.hostfiles import compose_stacks
from tests.hostfiles.conftest import Run
from tests.hostfiles.stacks import content, manifest, raw, stack

MOST_EXPOSURE = 40
"""In tenths: 4.0 (check 9 of the rehearsal)."""


ENCRYPTED = {"provider": "managed", "encrypt_to_hosts": True}


def _everything() -> Settings:
    """FamilyFlow with a volume and with a web service that only knows ports."""
    services = raw("services")
    services["site"] = {**services["api"], "runtime": "node", "command": "node server.js", "port": 3000, "assets": {}}
    return stack({"services": services}, architecture={"volume": 20})


def _units(files: Iterable[File]) -> dict[str, str]:
    where = "/etc/systemd/system/"
    return {file.path.removeprefix(where): file.content for file in files if file.path.startswith(where)}


UNITS = {
    "pm2": _units(pm2_units.files(_everything())),
    "containers": _units(compose_stacks.manifest(compose_stacks.everything()).files),
    "fleet": _units(compose_stacks.manifest(compose_stacks.fleet(balancer=ENCRYPTED)).files),
    "share": _units(compose_stacks.manifest(compose_stacks.sharing()).files),
    "data": _units(next(compose_stacks.data_manifests(compose_stacks.fleet())).files),
    "balancer": _units(compose_stacks.balancer_manifest(compose_stacks.stack("devora-fleet")).files),
}
EACH = [(host, name) for host, units in UNITS.items() for name in sorted(units) if ".d/" not in name]


DROP_INS = [
    ("pm2", "nginx.service.d/10-slipway.conf"),
    ("balancer", "haproxy.service.d/10-slipway.conf"),
    ("balancer", "logrotate.timer.d/10-slipway.conf"),
]
PACKAGED = {".service": "[Service]\nExecStart=/bin/true\n", ".timer": "[Timer]\nOnCalendar=daily\n"}


@pytest.mark.parametrize(("host", "name"), [*EACH, *DROP_INS])
def test_systemd_understands_the_unit(host: str, name: str, run: Run, tmp_path: Path) -> None:
    for other, text in UNITS[host].items():  # programs that are on a host are not all on this machine
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_text(re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", text, flags=re.MULTILINE))
    unit = tmp_path / name.partition(".d/")[0]
    if unit.name != name:  # a part of a unit is looked at with the rest, which a package brings
        unit.write_text(PACKAGED[unit.suffix])
    checked = run("systemd-analyze", "verify", "--man=no", str(unit), SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    ours = [line for line in checked.stderr.splitlines() if any(unit in line for unit in UNITS[host])]
    assert (checked.returncode, ours) == (0, [])


@pytest.mark.parametrize(("host", "name"), [(host, name) for host, name in EACH if name.endswith(".service")])
def test_the_unit_has_no_more_rights_than_it_needs(host: str, name: str, run: Run, tmp_path: Path) -> None:
    """FF10."""
    (tmp_path / name).write_text(UNITS[host][name])
    arguments = ("--offline=yes", f"--threshold={MOST_EXPOSURE}", "--no-pager", str(tmp_path / name))
    checked = run("systemd-analyze", "security", *arguments)
    assert checked.returncode == 0, checked.stdout[-400:] + checked.stderr


def test_haproxy_has_no_more_rights_than_it_needs(run: Run, tmp_path: Path) -> None:
    """FF10: with the package's own unit, as here."""
    packages = Path("/usr/lib/systemd/system/haproxy.service").read_text()
    (tmp_path / "haproxy.service").write_text(packages + UNITS["balancer"]["haproxy.service.d/10-slipway.conf"])
    arguments = ("--offline=yes", f"--threshold={MOST_EXPOSURE}", "--no-pager", str(tmp_path / "haproxy.service"))
    checked = run("systemd-analyze", "security", *arguments)
    assert checked.returncode == 0, checked.stdout[-400:] + checked.stderr


def test_pm2_is_given_the_time_that_all_services_may_take_to_stop(familyflow: Settings) -> None:
    """FF8: a worker finishes its task."""
    services = familyflow.product.services.values()
    stopping = sum(service.stop_after for service in services if service.role != "static")
    unit = content(manifest(familyflow), "/etc/systemd/system/pm2-familyflow.service")
    assert f"TimeoutStopSec={stopping + 30}\n" in unit
    assert "PM2_KILL_SIGNAL=SIGTERM" in unit


def test_links_are_right_before_anything_that_follows_them_starts(familyflow: Settings) -> None:
    """FF4: nginx reads the routes of what serves, PM2 its processes."""
    unit = content(manifest(familyflow), "/etc/systemd/system/slipway-recover.service")
    assert "Before=nginx.service pm2-familyflow.service\n" in unit


def test_pm2_starts_at_boot_after_what_the_product_needs(familyflow: Settings) -> None:
    """FF4."""
    made = manifest(familyflow)
    unit = content(made, "/etc/systemd/system/pm2-familyflow.service")
    for needed in ("slipway-recover.service", "redis-server.service", "rabbitmq-server.service"):
        assert needed in re.findall("^After=(.*)$", unit, re.MULTILINE)[0].split()
    states = {wanted.name: (wanted.enabled, wanted.running) for wanted in made.units}
    assert states["pm2-familyflow.service"] == (True, True)
    assert states["redis-server.service"] == states["rabbitmq-server.service"] == (True, True)
    assert states["slipway-recover.service"] == (True, False)


def _after(unit: str) -> set[str]:
    return set(re.findall("^After=(.*)$", unit, re.MULTILINE)[0].split())


def test_nothing_is_forwarded_before_the_guard_is_there() -> None:
    """A port that a container publishes by mistake is shut from the first moment."""
    unit = UNITS["containers"][docker.FORWARD_UNIT]
    assert "docker.service" in re.findall("^Before=(.*)$", unit, re.MULTILINE)[0].split()
    assert "nftables.service" in _after(unit), "which removes every rule where it is enabled"


def test_containers_are_recovered_after_docker_is_up_and_before_nginx_follows_the_links() -> None:
    unit = UNITS["containers"]["slipway-recover.service"]
    assert "docker.service" in _after(unit)
    assert "Before=nginx.service\n" in unit
    assert "ReadWritePaths=/opt/devora " in unit


def test_docker_starts_no_container_before_its_data_is_mounted() -> None:
    """ALL4: nothing is written to the disk below the mount."""
    drop_in = UNITS["containers"]["docker.service.d/10-slipway.conf"]
    assert "After=opt-devora-data.mount\n" in drop_in
    without = compose_stacks.manifest(compose_stacks.stack("devora-vps"))
    assert not [file.path for file in without.files if "docker.service.d" in file.path]


def test_data_comes_up_on_what_it_needs_and_again_when_it_changes() -> None:
    unit = UNITS["containers"][data_services.UNIT]
    assert {"docker.service", docker.OBJECTS_UNIT} <= _after(unit)
    assert "RequiresMountsFor=/opt/devora/data\n" in UNITS["containers"][docker.OBJECTS_UNIT]
    files = compose_stacks.manifest(compose_stacks.everything()).files
    told = [file for file in files if file.path == "/opt/devora/compose/data.yaml" or "/env/data_" in file.path]
    assert len(told) == 6
    assert {file.then for file in told} == {(f"reload {data_services.UNIT}",)}
    assert [line for line in unit.splitlines() if line.startswith("ExecReload=")]


@pytest.mark.parametrize(
    ("command", "server"),
    [
        ("gunicorn config.wsgi --workers 2", "gunicorn"),
        ("uvicorn app.main:app", "uvicorn"),
        ("python -m gunicorn config.wsgi", "gunicorn"),
        ("/usr/bin/python3 -m uvicorn app:app", "uvicorn"),
        ("node server.js", "other"),
        ("python manage.py runserver", "other"),
    ],
)
def test_servers_are_told_apart_by_their_command(command: str, server: str) -> None:
    assert pm2_units.server(command) == server


def test_no_service_reaches_the_clouds_metadata() -> None:
    """ALL3: under PM2 they all run in this unit."""
    assert "IPAddressDeny=169.254.0.0/16\n" in UNITS["pm2"]["pm2-familyflow.service"]
