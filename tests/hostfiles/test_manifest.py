"""The manifest and the release's configuration, read by the host's own strict readers."""

from __future__ import annotations

import json
import secrets

import pytest

from hostfiles import droplet_pm2, environment
from scripts.host import manifest as host_manifest
from scripts.host import release_config as host_release
from settings.droplets import IMAGES
from settings.stack import Settings
from tests.hostfiles.stacks import content, manifest, raw, stack, variables, words


@pytest.mark.parametrize("image", IMAGES)
def test_the_host_understands_the_manifest_of_every_image(image: str) -> None:
    """FF1."""
    read = host_manifest.read(json.dumps(manifest(stack(architecture={"image": image})).as_dict()))
    assert read.product == "familyflow"
    assert {"nginx", "redis-server", "rabbitmq-server"} <= set(read.packages)


def test_the_host_understands_how_to_release(familyflow: Settings) -> None:
    """FF8: the order is web, worker, scheduler, then what is only built."""
    read = host_release.parse(json.dumps(droplet_pm2.release_config(familyflow)))
    assert [service.name for service in read.services] == ["api", "worker", "beat", "frontend"]
    assert [job.command for job in read.jobs] == ["python manage.py migrate --noinput"]
    assert read.services[0].server == "gunicorn"
    assert read.verify == ("https://familyflow.example.com/api/health/",)


def test_backing_services_are_installed_only_where_the_host_provides_them() -> None:
    """FF5: hosted ones by URL in place of the local ones."""
    hosted = {
        "cache": {"engine": "redis", "provider": "external", "url": {"secret": "REDIS_URL"}},
        "queue": {"engine": "rabbitmq", "provider": "external", "url": {"secret": "AMQP_URL"}},
    }
    settings = stack({"backing": {**raw("backing"), **hosted}})
    made = manifest(settings)
    assert not {"redis-server", "rabbitmq-server"} & set(made.packages)
    assert not [file.path for file in made.files if "redis" in file.path or "rabbitmq" in file.path]
    assert not [unit.name for unit in made.units if unit.name.startswith(("redis", "rabbitmq", "epmd"))]
    assert variables(settings)["REDIS_URL"] == "<secret REDIS_URL>"


def test_files_that_hold_a_secret_are_readable_by_nobody_else(familyflow: Settings) -> None:
    """ALL3."""
    asked, generated, facts, passwords = words(familyflow)
    held = [*asked.values(), *generated.values(), *passwords.values(), *facts["uploads"].values()]
    holding = [file for file in manifest(familyflow).files if any(text in file.content for text in held)]
    assert {file.path for file in holding} == {"/srv/familyflow/.env", "/etc/redis/redis.conf"}
    assert [file.path for file in holding if int(file.mode, 8) & 0o027] == []


def test_a_manifest_in_a_traceback_shows_no_content(familyflow: Settings) -> None:
    """ALL3."""
    assert "password-of-cache" not in repr(manifest(familyflow))


def test_the_environment_file_is_the_service_users_alone(familyflow: Settings) -> None:
    """FF7, FF10."""
    made = manifest(familyflow)
    [env] = [file for file in made.files if file.path == "/srv/familyflow/.env"]
    assert (env.mode, env.owner) == ("0600", "familyflow")
    [user] = [user for user in made.users if user.name == "familyflow"]
    assert (user.shell, user.system, user.groups) == ("/usr/sbin/nologin", True, ())


def test_the_firewall_lets_admins_in_by_ssh_and_everybody_to_the_web() -> None:
    """FF10."""
    made = manifest(stack(access={"admin_cidrs": ["198.51.100.0/24", "2001:db8::/48"]}))
    assert made.firewall is not None
    assert made.firewall.ssh_from == ("198.51.100.0/24", "2001:db8::/48")
    assert made.firewall.tcp == (80, 443)


def test_every_name_of_the_product_is_in_its_certificate() -> None:
    """FF9."""
    made = manifest(stack({"aliases": ["www.familyflow.example.com"]}))
    assert made.certificate is not None
    assert made.certificate.domains == ("familyflow.example.com", "www.familyflow.example.com")


def test_what_could_stop_the_host_is_checked_before_it_lands(familyflow: Settings) -> None:
    checked = {file.path for file in manifest(familyflow).files if file.validate}
    needed = ("/etc/nginx/nginx.conf", "/etc/ssh/sshd_config.d/10-slipway.conf", "/etc/sudoers.d/10-slipway")
    assert {*needed, "/etc/redis/redis.conf"} <= checked


def test_no_action_restarts_the_product(familyflow: Settings) -> None:
    """FF8: only a release does, one slot beside the other."""
    actions = {action for file in manifest(familyflow).files for action in file.then}
    assert [action for action in actions if "pm2" in action] == []


def test_a_release_is_told_by_what_it_would_start(familyflow: Settings) -> None:
    """FF8: another variable, another command or another commit is another release; the owner is not."""

    def asked(settings: Settings, **more: str) -> dict[str, object]:
        return droplet_pm2.release_request(settings, {**variables(settings), **more}, owner=secrets.token_hex(4))

    first = asked(familyflow)
    assert asked(familyflow)["revision"] == first["revision"]
    assert asked(familyflow, LOG_LEVEL="DEBUG")["revision"] != first["revision"]
    routed = stack({"routes": [{"path": "/", "service": "frontend"}, {"path": "/rest", "service": "api"}]})
    quiet = stack({"routes": [{"path": "/api", "service": "api", "timeout": "77s"}]})
    assert len({asked(one)["revision"] for one in (familyflow, routed, quiet)}) == 3
    other = stack({"release": {"commit": "a" * 40}})
    assert asked(other)["commit"] == "a" * 40
    assert asked(other)["revision"] == first["revision"]


def test_the_revision_gives_no_secret_away(familyflow: Settings) -> None:
    request = json.dumps(droplet_pm2.release_request(familyflow, variables(familyflow), owner="alice"))
    assert [value for value in words(familyflow)[0].values() if value in request] == []


def test_release_json_has_the_plain_texts_of_one_service_and_no_secret() -> None:
    """ALL3: release.json is read by people, too."""
    services = raw("services")
    services["worker"] = {**services["worker"], "environment": {"CELERY_QUEUES": "mail,default"}}
    settings = stack({"services": services})
    config = droplet_pm2.release_config(settings)
    [worker] = [service for service in config["services"] if service["name"] == "worker"]
    assert worker["environment"] == {"CELERY_QUEUES": "mail,default"}
    assert "CELERY_QUEUES" not in environment.dotenv(variables(settings))


def test_a_server_that_knows_only_ports_gets_a_socket_for_each_slot() -> None:
    services = raw("services")
    services["api"] = {**services["api"], "runtime": "node", "command": "node server.js", "port": 8000}
    settings = stack({"services": services})
    made = manifest(settings)
    unit = content(made, "/etc/systemd/system/familyflow-api-green.service")
    assert "systemd-socket-proxyd 127.0.0.1:9000" in unit
    assert "familyflow-api-blue.socket" in {unit.name for unit in made.units}
    assert droplet_pm2.release_config(settings)["services"][0]["server"] == "other"


def test_a_volume_is_mounted_and_belongs_to_the_service_user() -> None:
    made = manifest(stack({"name": "family-flow"}, architecture={"volume": 10}))
    mount = content(made, "/etc/systemd/system/srv-family\\x2dflow-data.mount")
    assert "What=/dev/disk/by-id/scsi-0DO_Volume_family-flow-familyflow" in mount
    assert "Description=The volume of family-flow, 10 GiB\n" in mount, "one that grows has to reach the host"
    assert "--owner=family-flow" in content(made, "/etc/systemd/system/slipway-data.service")
    host_manifest.read(json.dumps(made.as_dict()))
