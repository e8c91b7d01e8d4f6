"""A local cloud for the whole run of the tests, and one booted host in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.cloud import Host, HostSpec, LocalCloud


@dataclass(frozen=True)
class LocalHost:
    """A booted host, how to reach it over SSH as root, and its cloud (for its console, power, firewall)."""

    cloud: LocalCloud
    host: Host
    key: Path
    known_hosts: Path

    def ssh(
        self,
        command: str,
        input: str | None = None,  # noqa: A002 # as subprocess.run calls it
        user: str = "root",
        address: str | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command line over SSH; the host's key is checked. Exit code 255 means that SSH itself failed."""
        return subprocess.run(
            [
                "ssh",
                *("-F", "none", "-i", str(self.key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
                *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"),
                *("-o", "GlobalKnownHostsFile=none", "-o", "ConnectTimeout=5", "-o", "HostKeyAlias=local-host"),
                f"{user}@{address or self.host.public_address}",
                command,
            ],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def ssh(host: LocalHost, command: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
    """Runs a command line on a host as root; see LocalHost.ssh."""
    return host.ssh(command, input)


def make_key(path: Path) -> str:
    """A new key pair at `path` and `path`.pub; the public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()


def boot_host(cloud: LocalCloud, directory: Path, name: str, network_id: str | None = None) -> LocalHost:
    """A host with a key to log in as root and a pinned host key, booted."""
    login, identity = make_key(directory / "login"), make_key(directory / "identity")
    private = "".join(f"    {line}\n" for line in (directory / "identity").read_text().splitlines())
    user_data = f"#cloud-config\nssh_keys:\n  ed25519_public: {identity}\n  ed25519_private: |\n{private}"
    host = cloud.create_host(HostSpec(name, 2, 2048, user_data, network_id, ssh_keys=(login,)))
    state = cloud.wait_booted(host.id)
    assert state == "running", cloud.exec(host.id, ["systemctl", "--failed", "--no-legend"]).stdout
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(f"local-host {identity}\n")
    return LocalHost(cloud, host, directory / "login", known_hosts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: at the end the other worker would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_rehearsal_familyflow.py")


def _remove_what_was_left(cloud: LocalCloud, directory: Path) -> None:
    """Clouds like this one whose tests were killed: nobody else knows of their hosts any more."""
    names = cloud.docker.call("ps", "--all", "--format", "{{.Names}}").stdout
    for process in set(re.findall(r"^slipway-tests-(\d+)-", names, re.MULTILINE)):
        if not Path("/proc", process).exists():
            LocalCloud(directory, f"tests-{process}").destroy_all()


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud of its own; it is removed at the end."""
    if os.geteuid() != 0 and not shutil.which("docker"):
        pytest.fail("local hosts need root or Docker")
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud") / "state", f"tests-{os.getpid()}")
    _remove_what_was_left(cloud, tmp_path_factory.mktemp("left"))
    try:
        cloud.prepare()
        yield cloud
    finally:
        cloud.destroy_all()


@pytest.fixture(scope="session")
def local_host(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LocalHost:
    """One booted host for all tests: whoever uses it leaves it usable."""
    return boot_host(local_cloud, tmp_path_factory.mktemp("host"), "shared")


@pytest.fixture
def fresh_host(local_cloud: LocalCloud, tmp_path: Path) -> Iterator[LocalHost]:
    """A booted host for one test alone."""
    made = boot_host(local_cloud, tmp_path, "fresh")
    try:
        yield made
    finally:
        local_cloud.delete_host(made.host.id)
