"""Releases of a tiny product in containers on a local host: good, bad, killed, cut off from power, returned to."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from rehearsal.cloud import LocalCloud
from tests.hosts.applying import file_of
from tests.hosts.container_host import ABSENT, OWNER, ContainerHost, prepared
from tests.hosts.tiny_containers import DOMAIN

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerHost]:
    """A host with everything applied, a registry with every version, and nothing released."""
    directory = tmp_path_factory.mktemp("compose")
    cloud = LocalCloud(directory / "cloud", "test-release-compose")
    cloud.destroy_all()
    cloud.prepare()
    try:
        yield prepared(cloud, directory)
    finally:
        cloud.destroy_all()


@pytest.fixture(scope="module")
def first_release(tiny: ContainerHost) -> CompletedProcess[str]:
    """A first release that fails leaves nothing; the next one serves."""
    failed = tiny.release("sick")
    assert failed.returncode == 1
    assert "release failed at step health: api (port 2" in failed.stderr
    assert "/api/health/ answered 503" in failed.stderr
    assert tiny.containers() == {}
    assert tiny.host.console("ls /opt/tiny/releases /opt/tiny/slots; ls -d /opt/tiny/current", check=False).split() == [
        "/opt/tiny/releases:",
        "/opt/tiny/slots:",
    ]
    return tiny.release("one")


@pytest.fixture
def released(tiny: ContainerHost, first_release: CompletedProcess[str]) -> ContainerHost:
    """The host with one release that serves, whichever it is."""
    assert first_release.returncode == 0, first_release.stdout + first_release.stderr
    return tiny


def test_containers_have_no_rights_and_are_reached_through_nginx_alone(released: ContainerHost) -> None:
    """VU7, DV1."""
    released.whole()
    assert released.serving()["uid"] == 1000
    form = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Memory}}"
    rights = released.host.console(f"docker inspect --format '{form}' $(docker ps --quiet) | sort -u")
    assert rights.replace("=", ":") == f"true [ALL] [no-new-privileges:true] {64 << 20}"
    ports = released.host.console("docker ps --format '{{.Ports}}' | grep . | cut -d: -f1 | sort -u")
    assert ports == "127.0.0.1"
    assert released.host.console("docker network inspect tiny --format '{{len .Containers}}'") == "4"


def test_no_secret_leaves_the_env_files(released: ContainerHost) -> None:
    """ALL3, VU4, VU7: what the product itself prints is masked in a release's log, and told."""
    release = released.serving()["release"]
    home = f"/opt/tiny/releases/{release}"
    modes = released.host.console(
        f"stat -c '%a %U' /opt/tiny/env/*.env {home}/env/*.env {home}/.env {home}/compose.yaml"
    )
    assert set(modes.splitlines()) == {"600 root"}
    released.host.console("cat > /run/secret; chmod 600 /run/secret", released.secret)
    places = (
        f"/var/lib/slipway /opt/tiny/logs {home}/.env {home}/compose.yaml {home}/identity.json /etc/systemd /var/log"
    )
    assert released.host.console(f"grep -rlF -f /run/secret {places}", check=False) == ""
    assert released.host.console("journalctl --no-pager | grep -cF -f /run/secret", check=False) == "0"
    log = released.host.console(f"cat /opt/tiny/logs/{release}.log")
    assert "migrating with ***" in log
    assert "note: services.api writes SECRET_KEY into its log" in log
    for path in (f"{home}/.env", f"{home}/env/api.env", f"{home}/compose.yaml"):
        refused = released.host.console(f"runuser -u www-data -- cat {path} 2>&1", check=False)
        assert "Permission denied" in refused


def test_the_same_again_does_nothing(released: ContainerHost) -> None:
    request = {**released.request("one"), "revision": "same"}
    assert released.host.slipway("release", request).returncode == 0
    before = released.containers().keys()
    again = released.host.slipway("release", request)
    assert (again.returncode, again.stdout.strip()) == (0, f"already serving {released.serving()['release']}")
    assert released.containers().keys() == before


BAD = (
    ("sick", "health", "/api/health/ answered 503"),
    ("bad-migration", "migrate", "job migrate: `worker: migrate` exited with 3"),
    ("root", "environment", 'services.api runs as root: let its image name a user, or say user: "uid:gid"'),
    ("absent", "fetch", f"images.app: the registry has no {ABSENT}"),
)


def test_good_and_bad_releases_drop_no_request(released: ContainerHost) -> None:
    """DV4, VU5: failing anywhere leaves the old release serving; GET and POST, kept and new connections, none fails."""
    released.release("one")
    before = released.serving()["release"]
    with released.load(least=3000) as load:
        for name, step, reason in BAD:
            failed = released.release(name)
            assert failed.returncode == 1
            assert failed.stderr.splitlines()[0].startswith(f"release failed at step {step}: "), failed.stderr
            assert reason in failed.stderr
            assert released.secret not in failed.stdout + failed.stderr
            assert released.serving()["release"] == before
        good = released.release("two")
        assert good.returncode == 0, good.stderr
    assert load["failures"] == []
    assert set(load["served_by"]) == {before, released.serving()["release"]}
    assert released.whole() == "two"
    assert released.migrated().count("two") == 1
    images = released.host.console("docker image ls --digests --format '{{.Digest}}'").split()
    assert set(images) == {released.images[name].partition("@")[2] for name in ("one", "two")}


def test_what_is_under_way_ends_before_the_old_release_goes(released: ContainerHost) -> None:
    """Workers finish their task, and a slow request gets its answer."""
    version = released.whole()
    url = f"https://{DOMAIN}/api/slow/"
    curl = f"curl -sk -o /run/slow.$i -w '%{{http_code}}\\n' --resolve {DOMAIN}:443:127.0.0.1 {url}"
    released.host.console(f"(for i in $(seq 12); do {curl}; done) > /run/codes 2>&1 &")
    assert released.release("three").returncode == 0
    released.host.console("while pgrep -x curl; do sleep 0.5; done")
    until = time.monotonic() + 60
    while released.host.console("wc -l < /run/codes") != "12":
        assert time.monotonic() < until
        time.sleep(1)
    assert set(released.host.console("cat /run/codes").split()) == {"200"}
    ended = released.host.console("cat /opt/tiny/data/_volumes/kept/ended").splitlines()
    assert {f"worker {version} after SIGTERM", f"beat {version} after SIGTERM"} <= set(ended)


def test_databases_are_dumped_before_the_migration_and_a_bad_dump_stops_it(released: ContainerHost) -> None:
    """DV4, VU9: the tools are an image's, of which here only the names are real."""
    manifest = released.manifest()
    described = file_of(manifest, "/etc/slipway/release.json")
    env_file = "/opt/tiny/env/dump-main.env"
    dump = {"name": "main", "engine": "postgres", "image": released.images["tools"], "env_file": env_file}
    described["content"] = json.dumps(json.loads(described["content"]) | {"dumps": [dump]})
    password = secrets.token_urlsafe(20)
    told = {"path": env_file, "mode": "0600", "owner": "root", "group": "root", "validate": [], "then": []}
    migrated = len(released.migrated())
    for host, reason in (("nowhere", "could not connect with ***"), ("empty", "dump of main: it is empty")):
        content = f"PGHOST={host}\nPGPASSWORD={password}\n"
        released.host.apply({**manifest, "files": [*manifest["files"], {**told, "content": content}]})
        failed = released.release("one")
        assert "release failed at step migrate: dump of main: " in failed.stderr
        assert reason in failed.stderr
        assert password not in failed.stdout + failed.stderr
    assert len(released.migrated()) == migrated
    content = f"PGHOST=db\nPGPASSWORD={password}\n"
    released.host.apply({**manifest, "files": [*manifest["files"], {**told, "content": content}]})
    good = released.release("one")
    assert good.returncode == 0, good.stderr
    release = released.serving()["release"]
    assert released.host.console(f"stat -c '%a %U %s' /opt/tiny/backups/{release}/main.dump") == "600 root 20"
    noted = [json.loads(line) for line in released.host.console("slipway ledger --json").splitlines()]
    [dumped] = [entry for entry in noted if entry["event"] == "dump"]
    assert (dumped["release"], dumped["bytes"], dumped["entries"]) == (release, 20, 2)
    assert released.host.console("docker ps --all --format '{{.Names}}' | grep dump", check=False) == ""
    released.host.apply(released.manifest())


@pytest.mark.parametrize(("step", "new"), [("start", False), ("scheduler", False), ("verify", True), ("stop", True)])
def test_a_killed_release_is_undone_before_the_switch_and_finished_after(
    released: ContainerHost, step: str, new: bool
) -> None:
    """Killed by kill -9 in this step: not a request fails, and the next command sets everything right."""
    before = released.whole()
    other = "two" if before != "two" else "three"
    with released.load(least=500) as load:
        released.killed_at(step, other)
        said = released.host.slipway("recover").stdout
    assert ("finished" if new else "undid") + " the interrupted release" in said
    assert load["failures"] == []
    assert released.whole() == (other if new else before)


def test_a_job_that_outlives_its_release_is_ended_by_the_next_command(released: ContainerHost) -> None:
    """Docker runs it on, whoever asked for it."""
    before = released.whole()
    released.host.console("cat > /run/request", json.dumps(released.request("slow-migration")))
    begun = "until docker ps --format '{{.Names}}' | grep -q job-migrate; do sleep 0.1; done"
    killed = f"slipway release < /run/request > /run/said 2>&1 & pid=$!; {begun}; kill -9 $pid"
    released.host.console(killed)
    assert any("job-migrate" in name for name in released.containers())
    assert "undid the interrupted release" in released.host.slipway("recover").stdout
    assert released.whole() == before


@pytest.mark.parametrize(("step", "new"), [("migrate", False), ("health", False), ("verify", True)])
def test_a_power_cut_leaves_one_release_that_serves_after_the_boot(
    released: ContainerHost, step: str, new: bool
) -> None:
    """Docker brings the containers of one slot back, and what else there is to do is done before nginx starts."""
    before = released.whole()
    other = "two" if before != "two" else "three"
    released.killed_at(step, other)
    released.power_cycle()
    assert released.whole() == (other if new else before)
    assert released.host.console("systemctl --failed --no-legend") == ""


def test_a_boot_starts_what_somebody_removed(released: ContainerHost) -> None:
    before = released.whole()
    released.host.console("docker rm --force $(docker ps --quiet --filter label=com.docker.compose.service=api)")
    released.power_cycle()
    assert released.whole() == before


def test_a_registry_that_is_down_is_waited_for_and_named(released: ContainerHost) -> None:
    """What is on the host already needs no registry: a return is possible without it."""
    released.release("one")
    assert released.release("two").returncode == 0
    released.host.console("systemctl stop docker-registry")
    try:
        failed = released.release("sick")
        assert "could not be pulled in 4 attempts" in failed.stderr, failed.stdout + failed.stderr
        back = released.host.slipway("rollback")
        assert back.returncode == 0, back.stderr
        assert released.whole() == "one"
    finally:
        released.host.console("systemctl start docker-registry")


def test_a_rollback_returns_without_migrating_and_makes_again_what_is_gone(released: ContainerHost) -> None:
    """VU5: the digests are in the ledger."""
    released.release("one")
    one = released.serving()["release"]
    assert released.release("two").returncode == 0
    two, migrated = released.serving()["release"], released.migrated()
    back = released.host.slipway("rollback")
    assert f"returned to {one}" in back.stdout, back.stderr
    assert released.whole() == "one"
    released.host.console(f"rm -rf /opt/tiny/releases/{two}; docker image rm {released.images['two']}")
    again = released.host.slipway(f"rollback {two}")
    assert again.returncode == 0, again.stderr
    assert released.whole() == "two"
    assert released.serving()["release"] == two
    assert released.migrated() == migrated


def test_a_fleet_s_release_goes_in_segments_and_comes_back(released: ContainerHost) -> None:
    before = released.whole()
    previous, other = released.serving()["release"], "two" if before != "two" else "three"
    released.fleets += 1
    staged = released.fleet("stage", request=released.request(other))
    assert staged["checks"] == dict.fromkeys(("digests", "login", "environment", "debug", "disk"), "ok")
    refused = released.release("one")
    assert f"release in progress: {OWNER}" in refused.stderr
    for verb in ("migrate", "start", "switch"):
        assert "error" not in released.fleet(verb)
        assert released.fleet(verb)["note"] == "done before"
    assert released.serving()["version"] == other
    assert {name.split("-")[1] for name in released.containers()} == {"blue", "green"}, "the old one stays warm"
    assert "error" not in released.fleet("commit")
    assert "error" not in released.fleet("finish")
    assert released.whole() == other
    status = released.fleet("status")
    assert (status["state"], status["lock"]) == (None, None)
    assert status["released"][-1]["images"] == {"app": released.images[other]}
    for _ in range(2):
        assert released.fleet("return", previous=previous)["live"] == previous
    assert released.whole() == before


@pytest.mark.parametrize("committed", [False, True])
def test_a_host_that_boots_in_a_fleet_s_release_decides_by_what_was_committed(
    released: ContainerHost, committed: bool
) -> None:
    before = released.whole()
    other = "two" if before != "two" else "three"
    released.fleets += 1
    released.fleet("stage", request=released.request(other))
    for verb in ("start", "switch", *(["commit"] if committed else [])):
        assert "error" not in released.fleet(verb)
    released.power_cycle()
    assert released.whole() == (other if committed else before)
    assert ("error" in released.fleet("finish")) is not committed


def test_a_host_that_drains_says_so_and_comes_back(released: ContainerHost) -> None:
    done = released.host.slipway("drain")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "drained")
    assert released.host.console("stat -c %a /opt/tiny/drained") == "644"
    assert released.host.slipway("undrain").returncode == 0
    assert released.host.console("ls /opt/tiny/drained 2>&1", check=False).endswith("No such file or directory")
