"""Manifests and releases of hosts that run containers, read by the host's own strict readers (DV1, DV6, VU3 to VU7)."""

from __future__ import annotations

import copy
import json
import secrets

import pytest

from hostfiles import compose_host, docker, environment
from hostfiles.manifest import Manifest
from scripts.host import compose_config
from scripts.host import dotenv as host_dotenv
from scripts.host import manifest as host_manifest
from scripts.host import request as host_request
from settings import stackfile
from settings.droplets import COMPOSE_IMAGES
from settings.slots import slot_ports
from settings.stack import Settings
from tests.hostfiles.compose_stacks import (
    SHARE,
    data_manifests,
    everything,
    facts,
    fleet,
    manifest,
    sharing,
    stack,
    variables,
)
from tests.hostfiles.stacks import ROOT, content

ENCRYPTED = {"provider": "managed", "encrypt_to_hosts": True}


@pytest.mark.parametrize("image", COMPOSE_IMAGES)
def test_the_host_understands_the_manifest_of_every_image(image: str) -> None:
    for settings in (everything(architecture={"image": image}), fleet(image=image)):
        for made in (manifest(settings), *data_manifests(settings)):
            assert host_manifest.read(json.dumps(made.as_dict())).hostname == made.hostname


def test_the_host_understands_how_to_release() -> None:
    read = compose_config.parse(json.dumps(compose_host.release_config(everything())))
    assert [(service.name, service.role) for service in read.services] == [
        ("backend", "web"),
        ("frontend", "web"),
        ("mail", "worker"),
        ("beat", "scheduler"),
    ]
    first, last = slot_ports(everything().product)["backend"]["green"]
    assert read.services[0].slot_ports("green") == [first, last]
    assert [(dump.name, dump.engine) for dump in read.dumps] == [("documents", "mongodb"), ("memory", "postgres")]
    assert (read.front.port, read.front.tls) == (443, True)
    assert [job.command for job in read.jobs] == ["alembic upgrade head"]


def test_the_host_understands_what_is_released() -> None:
    """VU3: by digest, with the tags that people know."""
    settings = stack("prod")
    asked = compose_host.release_request(settings, variables(settings), owner="alice")
    read = host_request.read_request(json.dumps(asked))
    assert read.images == settings.product.release.images
    assert (read.services["backend"], read.versions["backend"], read.owner) == ("backend", "1.8.0", "alice")


def test_a_release_is_told_by_what_it_would_start() -> None:
    """VU5: another variable, image, command or route is another release; the owner is not."""

    def revision(settings: Settings, told: dict[str, dict[str, str]] | None = None) -> str:
        asked = compose_host.release_request(settings, told or variables(settings), owner=secrets.token_hex(4))
        return str(asked["revision"])

    first = revision(everything())
    assert revision(everything()) == first
    told = variables(everything())
    assert revision(everything(), {**told, "mail": {**told["mail"], "LOG_LEVEL": "debug"}}) != first
    routed = everything(product={"routes": [{"path": "/", "service": "backend"}]})
    assert revision(routed) != first
    other = {name: f"ghcr.io/devora/{name}@sha256:{'9' * 64}" for name in ("backend", "frontend")}
    changed = everything(product={"release": {"images": other}})
    asked = compose_host.release_request(changed, variables(changed), owner="alice")
    assert (asked["images"], asked["revision"]) == (other, first)


def test_the_revision_gives_no_secret_away() -> None:
    asked = json.dumps(compose_host.release_request(everything(), variables(everything()), owner="alice"))
    assert "<secret" not in asked
    assert "<generated" not in asked


def test_each_service_has_its_own_variables_over_the_products() -> None:
    """VU4."""
    told = variables(everything(product={"environment": {"LOG_LEVEL": "info", "ENABLE_DEBUG_BAR": "no"}}))
    assert (told["backend"]["LOG_LEVEL"], told["mail"]["LOG_LEVEL"]) == ("info", "info")
    assert (told["backend"]["ENABLE_DEBUG_BAR"], told["mail"]["ENABLE_DEBUG_BAR"]) == ("false", "no")
    assert told["backend"]["SECRET_KEY"] == "<generated backend.SECRET_KEY>"
    assert told["backend"]["STRIPE_KEY"] == "<secret STRIPE_KEY>"
    assert "STRIPE_KEY" not in told["frontend"], "a secret is told to whom it is for"
    assert told["backend"]["REDIS_URL"] == "redis://:password-of-cache@cache:6379/0"
    assert {service["DEBUG"] for service in told.values()} == {"False"}
    assert told["mail"]["ALLOWED_HOSTS"] == "devora.ai,www.devora.ai"


@pytest.mark.parametrize("end", ["\n", "\r", "\0"])
def test_a_secret_of_several_lines_is_refused_by_its_service_and_name(end: str) -> None:
    settings, value = everything(), secrets.token_hex(4)
    named = {name: "-" for _, name in settings.product.secret_references()} | {"STRIPE_KEY": value + end}
    generated = {key: "-" for key, _ in settings.product.generated_values()}
    with pytest.raises(ValueError, match=r"backend\.STRIPE_KEY has more than one line") as raised:
        environment.service_variables(settings, "backend", named, generated, facts(settings))
    assert value not in str(raised.value)


def test_a_hosts_env_files_are_what_the_document_names_and_roots_alone() -> None:
    """VU4: /opt/vulcan/{env,compose,backups,logs}."""
    made = manifest(stack("prod"))
    told = {file.path: file for file in made.files}
    backend = told["/opt/vulcan/env/backend.env"]
    assert (backend.mode, backend.owner) == ("0600", "root")
    read = host_dotenv.parse(backend.content)
    for variable in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "BACKEND_CORS_ORIGINS", "SUPABASE_URL"):
        assert read[variable]
    assert read["BACKEND_CORS_ORIGINS"] == '["https://app.example.com"]'
    modes = {directory.path: directory.mode for directory in made.directories}
    private = ("env", "compose", "backups", "logs")
    assert {modes[f"/opt/vulcan/{name}"] for name in private} == {"0700"}
    assert (modes["/opt/vulcan"], modes["/opt/vulcan/releases"]) == ("0755", "0711"), "nginx looks below"


def test_a_dump_is_told_how_to_reach_its_database() -> None:
    """VU9: a dump of each database before a migration."""
    made = manifest(everything())
    told = dict(line.partition("=")[::2] for line in content(made, "/opt/devora/env/dump-memory.env").splitlines())
    assert told == {
        "PGDATABASE": "devora",
        "PGHOST": "memory",
        "PGPASSWORD": "password-of-memory",
        "PGPORT": "5432",
        "PGSSLMODE": "prefer",
        "PGUSER": "devora",
    }
    uri = content(made, "/opt/devora/env/dump-documents.yaml")
    assert uri.startswith('uri: "mongodb://devora:password-of-documents@documents:27017/')


def test_a_dump_speaks_tls_where_the_databases_url_says_so() -> None:
    settings = stack("prod")
    known = facts(settings)
    known["database"]["url"] = "postgresql://doadmin:x@private-db.example.com:25060/vulcan?sslmode=require"
    made = compose_host.manifest(settings, variables(settings), known, {})
    assert "PGSSLMODE=require\n" in content(made, "/opt/vulcan/env/dump-database.env")


def test_an_external_database_is_dumped_where_its_url_is_known() -> None:
    backing = {"database": {"engine": "postgres", "provider": "external", "url": {"secret": "DATABASE_URL"}}}
    settings = everything(product={"backing": {**_raw(), **backing}})
    assert _dumped(settings) == ["database", "documents", "memory"]
    unknown = everything(product={"backing": {**_raw(), "database": {"engine": "postgres", "provider": "external"}}})
    assert _dumped(unknown) == ["documents", "memory"]


def _dumped(settings: Settings) -> list[str]:
    return [dump["name"] for dump in compose_host.release_config(settings)["dumps"]]


def _raw() -> dict[str, dict[str, str]]:
    engines = {"documents": "mongodb", "memory": "postgres", "cache": "redis"}
    return {name: {"engine": engine, "provider": "host"} for name, engine in engines.items()}


def _tcp(made: Manifest) -> tuple[int, ...]:
    assert made.firewall is not None
    return made.firewall.tcp


def test_a_host_lets_in_what_it_serves_and_nothing_else() -> None:
    """VU1."""
    assert _tcp(manifest(stack("devora-vps"))) == (80, 443)
    assert _tcp(manifest(stack("devora-fleet"))) == (80,), "HAProxy speaks plain HTTP"
    assert _tcp(manifest(stack("prod"))) == _tcp(manifest(fleet(balancer=ENCRYPTED))) == (80, 443)
    assert {_tcp(made) for made in data_manifests(fleet())} == {()}


def test_certificates_are_the_hosts_own_where_it_ends_tls_and_the_balancers_elsewhere() -> None:
    """VU7."""
    alone = manifest(stack("devora-vps")).certificate
    assert alone is not None
    assert alone.domains == ("devora.ai", "www.devora.ai")
    assert not [unit for unit in manifest(stack("devora-fleet")).units if "placeholder" in unit.name]
    made = manifest(stack("prod"))
    assert made.certificate is None
    unit = content(made, "/etc/systemd/system/slipway-placeholder.service")
    assert "-keyout /etc/slipway/tls/app.example.com/privkey.pem" in unit
    assert "slipway-placeholder.service" in {unit.name for unit in made.units}
    assert compose_host.release_config(fleet(balancer=ENCRYPTED))["front"] == {"port": 443, "tls": True}
    assert compose_host.release_config(stack("prod"))["front"] == {"port": 80, "tls": False}


def test_hosts_of_a_fleet_differ_in_their_name_alone() -> None:
    """VU10: a host more or less changes none that stays."""
    settings = stack("prod")
    one, two = (
        compose_host.manifest(settings, variables(settings), facts(settings), {}, hostname=f"vulcan-prod-{number}")
        for number in (1, 2)
    )
    assert {key for key, value in one.as_dict().items() if value != two.as_dict()[key]} == {"hostname"}


def test_a_host_for_data_has_nothing_of_the_product() -> None:
    for made in data_manifests(fleet()):
        paths = [file.path for file in made.files]
        assert not [path for path in paths if "nginx" in path or path.endswith(("release.json", "site.conf"))]
        assert not {"nginx", "certbot"} & set(made.packages)
        assert not [path for path in paths if path.endswith(("backend.env", "frontend.env"))]


def test_the_data_of_a_host_is_on_its_volume_where_it_has_one() -> None:
    """VU2, ALL4."""
    first, second, _ = data_manifests(fleet())
    mount = content(first, "/etc/systemd/system/opt-vulcan-data.mount")
    assert "What=/dev/disk/by-id/scsi-0DO_Volume_vulcan-prod-data-1\n" in mount
    assert "Description=The volume of vulcan, 50 GiB\n" in mount, "one that grows has to reach the host"
    assert "/opt/vulcan/data" not in {directory.path for directory in first.directories}, "systemd makes it"
    assert "/opt/vulcan/data" in {directory.path for directory in second.directories}
    unit = content(first, f"/etc/systemd/system/{docker.OBJECTS_UNIT}")
    assert "RequiresMountsFor=/opt/vulcan/data\n" in unit
    named = manifest(everything(architecture={"volume": 20}))
    assert "opt-devora-data.mount" in {unit.name for unit in named.units}


def test_what_services_keep_is_on_the_share_that_a_fleet_has() -> None:
    """DV6: the volumes are the same directories on every host."""
    made = manifest(sharing())
    assert "nfs-common" in made.packages
    mount = content(made, "/etc/systemd/system/opt-vulcan-data-_volumes.mount")
    assert f"What={SHARE}\nWhere=/opt/vulcan/data/_volumes\nType=nfs\n" in mount
    (options,) = [line.partition("=")[2] for line in mount.splitlines() if line.startswith("Options=")]
    assert {"vers=4.1", "hard", "nodev", "noexec", "nosuid"} <= set(options.split(","))
    unit = content(made, f"/etc/systemd/system/{docker.OBJECTS_UNIT}")
    uploads = "/opt/vulcan/data/_volumes/uploads"
    assert f"docker volume create --opt type=none --opt o=bind --opt device={uploads} vulcan-uploads" in unit


def test_nothing_of_the_share_is_made_or_started_before_it_is_there() -> None:
    made = manifest(sharing())
    needs = content(made, f"/etc/systemd/system/{docker.OBJECTS_UNIT}.d/20-share.conf")
    assert "RequiresMountsFor=/opt/vulcan/data/_volumes\n" in needs, "else uploads would be on the host's own disk"
    order = content(made, "/etc/systemd/system/docker.service.d/20-share.conf")
    assert "After=opt-vulcan-data-_volumes.mount\n" in order
    wanted = {unit.name: (unit.enabled, unit.running) for unit in made.units}
    assert wanted["opt-vulcan-data-_volumes.mount"] == (True, True)
    assert (wanted["rpcbind.socket"], wanted["rpcbind.service"]) == ((False, False), (False, False))


def test_a_fleet_without_a_share_mounts_none() -> None:
    made = manifest(stack("prod"))
    assert not [file.path for file in made.files if "share" in file.path or file.path.endswith(".mount")]
    assert "nfs-common" not in made.packages


def test_a_manifest_in_a_traceback_shows_no_content() -> None:
    """ALL3."""
    assert "password-of-" not in repr(manifest(everything()))
    assert "password-of-" not in "".join(repr(made) for made in data_manifests(fleet()))


def test_no_action_restarts_the_product() -> None:
    """VU6: only a release does, one slot beside the other. Docker's own restart leaves containers alone."""
    for made in (manifest(everything()), manifest(stack("prod"))):
        actions = {action for file in made.files for action in file.then}
        units = {action.partition(" ")[2] for action in actions if " " in action}
        assert units <= {
            *("docker.service", "nginx.service", "ssh.service", "systemd-journald.service"),
            *(docker.FORWARD_UNIT, docker.OBJECTS_UNIT, "slipway-data-services.service"),
        }


def test_the_example_of_variables_names_those_of_every_service() -> None:
    lines = environment.dotenv_example(everything()).splitlines()
    names = [line.removesuffix("=") for line in lines if line.endswith("=")]
    assert names == sorted({name for told in variables(everything()).values() for name in told})


def test_only_who_gets_to_a_health_is_asked_for_it_after_a_release() -> None:
    """A health path below a route that another service answers would prove the wrong one."""
    services = copy.deepcopy(dict(stackfile.read(ROOT / "Pulumi.devora-vps.yaml").values)["product"]["services"])
    services["backend"]["health"], services["frontend"]["health"] = "/api/health", "/api/page"
    routes = [{"path": "/", "service": "frontend"}, {"path": "/api/", "service": "backend"}]
    hidden = stack("devora-vps", {"services": services, "routes": routes})
    verify = compose_host.release_config(hidden)["verify"]
    assert verify == [f"https://{hidden.product.domain}/api/health"]
