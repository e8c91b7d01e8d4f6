"""Registries of the local cloud for real: a host with Docker pulls by digest, and what it pulls starts and answers."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hostfiles import data_services, docker
from hostfiles.engines import administrator
from rehearsal.base_image import base_image
from rehearsal.cloud import LocalCloud
from rehearsal.container_images import container_image
from rehearsal.engines import engine_image
from rehearsal.image import host_image
from settings.backing import MongoDB, Postgres, Redis
from settings.backing import engine_image as official_name
from tests.hostfiles.compose_stacks import everything
from tests.hosts.conftest import LocalHost, boot_host

pytestmark = pytest.mark.hosts

SETTINGS = everything()
PRODUCT = SETTINGS.product
PASSWORDS = {key: secrets.token_urlsafe(24) for name in PRODUCT.backing for key in (name, administrator(name))}
TOKEN = secrets.token_urlsafe(24)
PACKAGES = "docker.io docker-cli docker-compose"
OPEN = "docker.io/example/open:1.0"  # an image that everybody may have
ENGINES = {name: each for name, each in PRODUCT.backing.items() if isinstance(each, Postgres | MongoDB | Redis)}
IMAGES = {name: official_name(each) for name, each in ENGINES.items()}
COMPOSE = f"docker compose --project-name data --file /opt/{PRODUCT.name}/compose/data.yaml"
COUNT = 'mongosh --quiet "$URL" --eval "db.kept.countDocuments({n: 42})"'
ANSWER = secrets.token_hex(8)


@dataclass(frozen=True)
class DockerHost(LocalHost):
    """A host with Docker as ours have it."""

    def run(self, script: str, input: str | None = None) -> str:  # noqa: A002 # as subprocess.run calls it
        """What a script says; it has to succeed."""
        done = self.tried(script, input)
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, script: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """The same, whatever comes of it."""
        return self.cloud.exec(self.host.id, ["sh", "-ec", script], input=input, timeout=300)

    def write(self, path: str, text: str) -> None:
        """A file of root's, which may be a secret."""
        self.run(f"install -D -m 600 /dev/stdin {path}", text)


@pytest.fixture(scope="module")
def host(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerHost]:
    booted = boot_host(local_cloud, tmp_path_factory.mktemp("docker"), "docker")
    made = DockerHost(booted.cloud, booted.host, booted.key, booted.known_hosts)
    try:
        made.run(
            f"apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq -y {PACKAGES} >/dev/null 2>&1"
        )
        made.write("/etc/docker/daemon.json", docker.daemon("10.100.0.0/24"))
        made.run("systemctl restart docker.service")
        yield made
    finally:
        local_cloud.delete_host(booted.host.id)


@pytest.fixture(scope="module")
def base(local_cloud: LocalCloud) -> str:
    return base_image(local_cloud.docker, host_image(local_cloud.docker), print)


@pytest.fixture(scope="module")
def image(local_cloud: LocalCloud, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A private image, by digest, and the login for it: a web server as a user without rights."""
    context = tmp_path_factory.mktemp("image")
    lines = ["ARG BASE", "FROM ${BASE}", "WORKDIR /srv/page", "COPY page .", "USER 10001:10001"]
    lines.append('CMD ["python3", "-m", "http.server", "8000"]')
    (context / "Containerfile").write_text("\n".join(lines) + "\n")
    (context / "page").write_text(ANSWER)
    built = container_image(local_cloud.docker, "tests-page", [context], {"BASE": base}, print)
    try:
        reference = "ghcr.io/example/page:1.0"
        digest = local_cloud.registry().publish({reference: built, OPEN: built})[reference]
    finally:
        local_cloud.docker.call("rmi", built)
    assert PRODUCT.registry
    local_cloud.registry().set_login(PRODUCT.registry.user, TOKEN)
    return f"ghcr.io/example/page@{digest}"


@pytest.fixture
def logged_in(host: DockerHost) -> Iterator[None]:
    host.write("/root/.docker/config.json", docker.credentials(PRODUCT, TOKEN))
    yield
    host.run("rm /root/.docker/config.json")


@pytest.fixture(scope="module")
def engines(local_cloud: LocalCloud, base: str) -> None:
    """Every engine's image, published under the official name."""
    local_cloud.registry().publish(
        {IMAGES[name]: engine_image(local_cloud.docker, base, each.engine, print) for name, each in ENGINES.items()}
    )


def test_a_host_sets_switches_of_its_network_and_none_of_this_machines_kernel(local_host: LocalHost) -> None:
    before = Path("/proc/sys/vm/swappiness").read_text()
    other = "1" if before.strip() != "1" else "2"
    settings = f"vm.swappiness = {other}\nnet.ipv4.conf.all.log_martians = 1\n"
    assert local_host.ssh("cat >/etc/sysctl.d/99-test.conf", settings).returncode == 0
    try:
        done = local_host.ssh("systemctl restart systemd-sysctl.service && sysctl -n net.ipv4.conf.all.log_martians")
        assert done.stdout == "1\n", done.stderr
        assert local_host.ssh(f"sysctl -w vm.swappiness={other}").returncode != 0
        assert local_host.ssh("sysctl -w net.ipv4.conf.all.route_localnet=1").returncode == 0
    finally:
        local_host.ssh("rm /etc/sysctl.d/99-test.conf; sysctl -w net.ipv4.conf.all.route_localnet=0")
    assert Path("/proc/sys/vm/swappiness").read_text() == before


def test_a_private_image_is_refused_to_whoever_is_not_logged_in(host: DockerHost, image: str) -> None:
    """VU3"""
    done = host.tried(f"docker pull --quiet {image}")
    assert "unauthorized" in done.stderr
    assert "<html>" not in done.stderr
    for user, token in ((PRODUCT.registry.user, secrets.token_urlsafe(24)), ("somebody-else", TOKEN)):  # type: ignore[union-attr]
        done = host.tried(f"docker login ghcr.io --username {user} --password-stdin", token)
        assert done.returncode != 0
        assert "unauthorized" in done.stderr


@pytest.mark.usefixtures("logged_in")
def test_it_is_pulled_by_digest_and_served_on_loopback(host: DockerHost, image: str) -> None:
    """VU3: without Docker's proxy, which needs a switch of the network."""
    host.run(f"docker pull --quiet {image}")
    assert image in host.run(f"docker image inspect --format '{{{{.RepoDigests}}}}' {image}")
    host.run(f"docker run --detach --name page --publish 127.0.0.1:20000:8000 --cap-drop ALL --read-only {image}")
    try:
        page = host.run("curl -fsS --retry 20 --retry-delay 0 --retry-all-errors http://127.0.0.1:20000/page")
        assert page == ANSWER
        assert host.run("docker exec page id -u") == "10001\n"
    finally:
        host.run("docker rm --force page")


@pytest.mark.usefixtures("logged_in")
def test_what_is_not_there_is_said_and_nothing_can_be_pushed(host: DockerHost, image: str) -> None:
    repository = image.partition("@")[0]
    absent = host.tried(f"docker pull --quiet {repository}@sha256:{'0' * 64}")
    assert "manifest unknown" in absent.stderr or "not found" in absent.stderr
    host.run(f"docker pull --quiet {image} && docker tag {image} {repository}:mine")
    assert "403" in host.tried(f"docker push {repository}:mine").stderr, "the token may only read"


@pytest.mark.usefixtures("image")
def test_while_the_registry_is_down_nothing_is_pulled_and_then_it_is(local_cloud: LocalCloud, host: DockerHost) -> None:
    with local_cloud.registry().down():
        assert "502" in host.tried(f"docker pull --quiet {OPEN}").stderr
    host.run(f"docker pull --quiet {OPEN}")


def test_a_private_image_is_not_to_be_had_by_another_registrys_name(host: DockerHost, image: str) -> None:
    """docker.io lets everybody in; what it shares with ghcr.io is not seen."""
    assert host.tried("docker pull --quiet docker.io/example/page:1.0").returncode != 0


@pytest.fixture(scope="module")
def running(host: DockerHost, engines: None) -> Iterator[None]:
    """Every engine as hosts run it."""
    place = data_services.beside(PRODUCT, 4096)
    for file in data_services.files(PRODUCT, place, PASSWORDS):
        if file.path.startswith("/opt/"):
            host.write(file.path, file.content)
    volumes = data_services.volumes(PRODUCT, place)
    host.run(f"docker network create {PRODUCT.name}")
    host.run("\n".join(f"docker volume create {volume.name}" for volume in volumes))
    try:
        host.run(f"{COMPOSE} up --detach --wait --quiet-pull")
        yield
    finally:
        print(host.tried(f"{COMPOSE} logs --no-color --tail 40").stdout)  # shown where a test fails
        host.run(f"{COMPOSE} down --volumes && docker network rm {PRODUCT.name}")


def client(host: DockerHost, name: str, command: str) -> subprocess.CompletedProcess[str]:
    """A program of an engine's image, as somebody on the product's network who knows the password."""
    facts = data_services.facts(PRODUCT, PASSWORDS)[name]
    host.write("/root/client.env", f"URL={facts['url']}\nREDISCLI_AUTH={facts['password']}\n")
    run = f"docker run --rm --network {PRODUCT.name} --env-file /root/client.env --entrypoint sh {IMAGES[name]}"
    return host.tried(f"{run} -c '{command}'")


@pytest.mark.usefixtures("running")
def test_engines_are_pulled_by_their_official_names_and_are_well(host: DockerHost) -> None:
    states = dict(line.split(" ", 1) for line in host.run("docker ps --format '{{.Image}} {{.Status}}'").splitlines())
    assert {image.removeprefix("docker.io/").removeprefix("library/") for image in IMAGES.values()} == {
        image.removeprefix("docker.io/").removeprefix("library/") for image in states
    }
    assert all("(healthy)" in state for state in states.values())


@pytest.mark.usefixtures("running")
def test_postgres_takes_its_password_only_and_can_be_dumped(host: DockerHost) -> None:
    sql = 'psql -XAtq "$URL" -c "create table kept (n int); insert into kept values (42); table kept"'
    done = client(host, "memory", sql)
    assert done.stdout.strip() == "42", done.stderr
    wrong = 'PGPASSWORD=wrong psql "$(echo $URL | sed s/:[^/]*@/@/)" -c "table kept"'
    assert "password authentication failed" in client(host, "memory", wrong).stderr
    dumped = client(host, "memory", 'pg_dump --format=custom "$URL" | pg_restore --list')
    assert "TABLE public kept" in dumped.stdout, dumped.stderr


@pytest.mark.usefixtures("running")
def test_in_postgres_the_product_owns_its_database_and_nothing_else(host: DockerHost) -> None:
    """VU7"""
    rights = "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles"
    mine = client(host, "memory", f'psql -XAtq "$URL" -c "{rights} where rolname = current_user"')
    assert mine.stdout.strip() == "f|f|f|f|f", mine.stderr
    owned = "select datname from pg_database where datdba = current_user::regrole"
    assert client(host, "memory", f'psql -XAtq "$URL" -c "{owned}"').stdout.split() == [PRODUCT.name]
    assert "permission denied" in client(host, "memory", 'psql -Xq "$URL" -c "create role other"').stderr
    trusted = 'psql -Xq "$URL" -c "create extension pgcrypto; create schema apart; drop schema apart"'
    assert client(host, "memory", trusted).returncode == 0, "what a migration may do"
    local = f"{COMPOSE} exec -T memory psql -XAtq --username slipway_admin --dbname postgres"
    assert host.run(f'{local} -c "select current_user"') == "slipway_admin\n", "root of the host is let in"
    nobody = 'PGPASSWORD=wrong psql "$(echo $URL | sed s,//.*@,//slipway_admin@,)" -c "select 1"'
    assert "password authentication failed" in client(host, "memory", nobody).stderr


@pytest.mark.usefixtures("running")
def test_valkey_takes_its_password_only(host: DockerHost) -> None:
    done = client(host, "cache", "valkey-cli -h cache set kept 42; redis-cli -h cache get kept")
    assert done.stdout.split() == ["OK", "42"], done.stderr
    assert "NOAUTH" in client(host, "cache", "unset REDISCLI_AUTH; valkey-cli -h cache get kept").stdout


@pytest.mark.usefixtures("running")
def test_mongodb_takes_its_password_only_and_can_be_dumped_and_restored(host: DockerHost) -> None:
    shell = "mongosh --quiet"
    done = client(host, "documents", f'{shell} "$URL" --eval "db.kept.insertOne({{n: 42}}); db.kept.findOne().n"')
    assert done.stdout.strip() == "42", done.stderr
    assert client(host, "documents", f'{shell} "$URL" --eval "db.hello().setName"').stdout.strip() == "rs0"
    stranger = f'{shell} --host documents --eval "db.kept.countDocuments()"'
    assert "requires authentication" in client(host, "documents", stranger).stderr
    wrong = f'{shell} "$(echo $URL | sed s/:[^/]*@/:wrong@/)" --eval "1"'
    assert "Authentication failed" in client(host, "documents", wrong).stderr
    again = 'mongodump --uri "$URL" --archive --gzip | mongorestore --uri "$URL" --archive --gzip --drop'
    restored = client(host, "documents", again)
    assert "1 document(s) restored successfully" in restored.stderr
    assert client(host, "documents", COUNT).stdout.strip() == "1"


@pytest.mark.usefixtures("running")
def test_in_mongodb_the_product_owns_its_database_and_nothing_else(host: DockerHost) -> None:
    """VU7"""

    def tried(script: str) -> str:
        quoted = script.replace("'", '\\"')
        done = client(host, "documents", f'mongosh --quiet "$URL" --eval "{quoted}"')
        return done.stdout + done.stderr

    assert tried("db.mine.insertOne({n: 1}); db.mine.createIndex({n: 1}); db.mine.countDocuments()").strip() == "1"
    for script in (
        "db.getSiblingDB('other').kept.insertOne({n: 1})",
        "db.getSiblingDB('admin').getUsers()",
        "db.createUser({user: 'other', pwd: 'other', roles: []})",
        "db.adminCommand({replSetGetStatus: 1})",
    ):
        assert "not authorized" in tried(script), script
    name, password = (f"process.env.MONGO_INITDB_ROOT_{part}" for part in ("USERNAME", "PASSWORD"))
    asked = f"db.getSiblingDB('admin').auth({name}, {password}); rs.status().ok"
    said = host.run(f'{COMPOSE} exec -T documents mongosh --quiet --eval "{asked}"')
    assert said == "1\n", "root of the host is let in"


@pytest.mark.usefixtures("running")
def test_data_outlives_the_containers(host: DockerHost) -> None:
    count = "select count(*) from pg_database"
    databases = client(host, "memory", f'psql -XAtq "$URL" -c "{count}"').stdout
    client(host, "documents", 'mongosh --quiet "$URL" --eval "db.kept.replaceOne({n: 42}, {n: 42}, {upsert: true})"')
    host.run(f"{COMPOSE} down && {COMPOSE} up --detach --wait")
    assert client(host, "documents", COUNT).stdout.strip() == "1"
    assert client(host, "memory", f'psql -XAtq "$URL" -c "{count}"').stdout == databases != ""
