"""A container engine of our own, on a machine that has none: a local host."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import container_engine
from rehearsal.image import archive
from tests.hosts.conftest import LocalHost

pytestmark = pytest.mark.hosts

_NEEDED = ("__init__.py", "cache.py", "container_engine.py", "docker.py", "model.py")
_SCRIPT = """
import os, pathlib, subprocess, sys
sys.path.insert(0, "/opt/code")
os.environ["XDG_CACHE_HOME"] = "/var/lib/docker/cache"
from rehearsal.container_engine import find_container_engine, stop_container_engine
assert not stop_container_engine(), "nothing runs yet"
said = []
packaged = find_container_engine(said.append)
assert packaged.socket is None and packaged.answers(), "systemd has started the package's own"
assert not stop_container_engine(), "which we let be"
subprocess.run(["systemctl", "stop", "docker.socket", "docker.service", "containerd.service"], check=True)
docker = find_container_engine(said.append)
print(said)
pid = int(pathlib.Path("/run/slipway/dockerd.pid").read_text())
print(docker.call("info", "--format", "{{.DockerRootDir}}").stdout.strip())
assert find_container_engine(said.append) == docker and len(said) == 2, "the one that runs is found"
network = docker.call("network", "create", "one").stdout.strip()
assert docker.inspect(network, "network")["Name"] == "one"
assert docker.inspect("absent") is None
assert stop_container_engine() and not docker.answers()
assert not pathlib.Path(f"/proc/{pid}").exists()
pathlib.Path("/run/slipway/dockerd.pid").write_text("1")
assert not stop_container_engine(), "process 1 is somebody else's"
print("done")
"""


def test_it_is_installed_started_found_again_and_stopped(fresh_host: LocalHost) -> None:
    """ALL4: and a process that merely has its number is let be."""
    source = Path(container_engine.__file__).parent
    files = [(f"/opt/code/rehearsal/{name}", (source / name).read_bytes(), 0o644) for name in _NEEDED]
    cloud, host = fresh_host.cloud, fresh_host.host
    container = next(iter(cloud.docker.call("ps", "-q", "--filter", f"name={host.id}$").stdout.split()))
    cloud.docker.copy_in(container, archive(files))
    done = cloud.exec(host.id, ["python3", "-"], input=_SCRIPT, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "['installing docker.io with apt', 'starting a container engine']",
        "/var/lib/docker/cache/slipway/docker/data",
        "done",
    ]
