"""The rest of the internet in one container: resolver, ACME, github.com, registries, buckets, another's PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from rehearsal.addresses import INTERNET, OUTSIDER, at
from rehearsal.cache import cache_directory, locked
from rehearsal.docker import Docker
from rehearsal.image import BOOT, GUEST, Progress, archive, bake, keep, load, trusted
from rehearsal.machines import SYSTEM_FLAGS
from rehearsal.model import CloudError

REPOSITORY = "slipway-internet"
_FILES = {
    "prepare": "prepare.sh",
    "packages": "packages",
    "start": "start.sh",
    "set-records": "set-records.sh",
    "nginx.conf": "nginx.conf",
    "dnsmasq.conf": "dnsmasq.conf",
    "pebble.service": "pebble.service",
    "registries.conf": "registries.conf",
    "registry.yml": "registry.yml",
    "registry": "registry.py",
    "objects": "objects.py",
    "object_store.py": "object_store.py",
    "objects.service": "objects.service",
}
_HOME = "/usr/local/lib/internet"
_POOLER = "aws-0-us-east-1.pooler.supabase.com"  # what Supabase calls the server that it offers over IPv4
_DATABASE = re.compile(r"^[a-z][a-z0-9-]{0,39}$")


def internet_image(docker: Docker, host_image: str, progress: Progress) -> str:
    """The tag of the image, made from the host image now if need be."""
    files = [
        (
            f"{_HOME}/{name}",
            (GUEST / "internet" / source).read_bytes(),
            0o755 if source.endswith((".sh", ".py")) else 0o644,
        )
        for name, source in _FILES.items()
    ]
    tag = f"{REPOSITORY}:{hashlib.sha256(repr((host_image, files)).encode()).hexdigest()[:16]}"
    with locked(cache_directory() / "internet-image.lock", lambda: progress("waiting for the internet's image")):
        if docker.inspect(tag, "image") or load(docker, tag):
            return tag
        progress("making the image of the internet (resolver, ACME server, git, registries, PostgreSQL)")
        bake(docker, host_image, archive(files), f"{_HOME}/prepare", tag)
        keep(docker, tag)
    return tag


class Internet:
    """The running container."""

    def __init__(self, docker: Docker, container: str) -> None:
        self.docker = docker
        self.container = container

    @classmethod
    def launch(cls, docker: Docker, image: str, flags: list[str], subnet: str, network: str, git: Path) -> Internet:
        """Starts it at its address, with the bare repositories under `git`."""
        git.mkdir(parents=True, exist_ok=True, mode=0o755)
        git.chmod(0o755)
        container = docker.run(
            image,
            (),
            *flags,
            *SYSTEM_FLAGS,
            f"--network={network}",
            f"--ip={at(subnet, INTERNET)}",
            "--hostname=internet",
            f"--volume={git}:/srv/git:ro",
            f"--entrypoint={BOOT}",
        )
        return cls(docker, container)

    def start(self, address: str) -> dict[str, str]:
        """Starts its services once the system is up; the authorities to trust, in PEM by name."""
        up = "until systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.1; done"
        self.docker.exec(self.container, ["timeout", "60", "sh", "-c", up])
        done = self.docker.exec(self.container, [f"{_HOME}/start", address], timeout=90)
        everybody, _, acme = done.stdout.partition("= acme\n")
        if "BEGIN CERTIFICATE" not in everybody or "BEGIN CERTIFICATE" not in acme:
            raise CloudError("the internet did not say whom to trust")
        return {"everybody-else": everybody, "acme": acme}

    def set_records(self, configuration: str) -> None:
        """Has the resolver answer these names; the former ones stay if dnsmasq does not understand the text."""
        self.docker.exec(self.container, [f"{_HOME}/set-records"], input=configuration)

    def objects(self, verb: str, name: str, told: Mapping[str, Any] | None = None) -> None:
        """Tells the object storage of a bucket or a key (guest/internet/objects.py). A secret is not an argument."""
        text = json.dumps(told) if told is not None else None
        self.docker.exec(self.container, [f"{_HOME}/objects", verb, name], input=text)

    def create_database(self, name: str) -> str:
        """A database with an owner of its own; the URL, with a password that only it and the server know."""
        if not _DATABASE.match(name):
            raise CloudError(f"{name!r} is no name for a database")
        user, password = name.replace("-", "_"), secrets.token_urlsafe(24)
        sql = (
            f'DROP DATABASE IF EXISTS "{user}";\nDROP ROLE IF EXISTS "{user}";\n'  # what an interrupted one has left
            f'CREATE ROLE "{user}" LOGIN PASSWORD \'{password}\';\nCREATE DATABASE "{user}" OWNER "{user}";\n'
        )
        # By standard input: an argument would show the password in the process list. Terse: an error quotes no line.
        psql = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"]
        self.docker.exec(self.container, ["runuser", "-u", "postgres", "--", *psql], input=sql)
        return f"postgresql://{user}:{password}@{_POOLER}:5432/{user}?sslmode=require"


class Outsider:
    """A machine on the internet, outside of the cloud."""

    def __init__(self, docker: Docker, container: str, subnet: str) -> None:
        self.docker = docker
        self.container = container
        self.address = at(subnet, OUTSIDER)

    @classmethod
    def launch(
        cls, docker: Docker, image: str, flags: list[str], subnet: str, network: str, authorities: Mapping[str, str]
    ) -> Outsider:
        """Starts it; it uses the rehearsal's resolver and trusts the rehearsal's authorities, as the hosts do."""
        container = docker.run(
            image,
            ["infinity"],
            *flags,
            "--hostname=outsider",
            f"--network={network}",
            f"--ip={at(subnet, OUTSIDER)}",
            f"--dns={at(subnet, INTERNET)}",
            "--stop-timeout=0",
            "--entrypoint=sleep",
        )
        docker.copy_in(container, archive(trusted(authorities)))
        docker.exec(container, ["update-ca-certificates"])
        return cls(docker, container, subnet)

    def run(
        self,
        argv: Sequence[str],
        input: str | None = None,  # noqa: A002 # as subprocess.run calls it
        timeout: float = 120,
    ) -> CompletedProcess[str]:
        """Runs a program there (curl, python3, openssl, git, psql, nc, dig). Never raises for its exit code."""
        return self.docker.exec(self.container, argv, input=input, timeout=timeout, check=False)
