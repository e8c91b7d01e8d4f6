"""Finds a running container engine, else starts one of its own, and stops only what it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal.cache import cache_directory, locked
from rehearsal.docker import Docker
from rehearsal.model import CloudError

Progress = Callable[[str], None]

_PATIENCE = 60.0  # seconds for dockerd to answer; 3 to 5 is usual
_ours: list[subprocess.Popen[bytes]] = []  # engines that this process has started


def _runtime_directory() -> Path:
    """Where our engine keeps its socket: short, since a socket's path may have 107 characters at most."""
    return Path("/run/slipway")


def _socket() -> str:
    return f"unix://{_runtime_directory() / 'docker.sock'}"


def _pid_file() -> Path:
    return _runtime_directory() / "dockerd.pid"


def find_container_engine(progress: Progress = lambda line: None) -> Docker:
    """An engine that answers: the one docker would use, else ours, started now if need be. CloudError if impossible."""
    for docker in (Docker(), Docker(socket=_socket())):
        if docker.answers():
            return docker
    if os.geteuid() != 0:
        raise CloudError(
            "no container engine answers, and starting one needs root: start Docker, or run the rehearsal as root"
        )
    with locked(cache_directory() / "container-engine.lock"):
        ours = Docker(socket=_socket())
        if ours.answers():
            return ours
        _install(progress)
        if Docker().answers():  # where systemd runs, the package has started its own: two would be in each other's way
            return Docker()
        progress("starting a container engine")
        _start()
        return ours


def _install(progress: Progress) -> None:
    if shutil.which("dockerd") and shutil.which("docker"):
        return
    if not shutil.which("apt-get"):
        raise CloudError("no container engine: install Docker (this machine has no apt-get to do it with)")
    progress("installing docker.io with apt")
    install_packages(["docker.io", "docker-cli"], either=True)


def install_packages(packages: list[str], either: bool = False) -> None:
    """Installs Debian or Ubuntu packages. `either`: leave out those that this distribution does not know."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

    def apt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    updated = apt("update", "-qq")
    if either:
        known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=True).stdout.split()
        packages = [package for package in packages if package in set(known)]
    done = apt("install", "-y", "--no-install-recommends", *packages)
    if done.returncode:
        said = (done.stderr + updated.stderr).strip().splitlines()
        raise CloudError(f"apt-get install {' '.join(packages)}: {' · '.join(said[-3:])}")


def _start() -> None:
    """Starts dockerd with directories of its own, so that it gets in no other engine's way, and awaits its answer."""
    runtime = _runtime_directory()
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _running() is None:  # killed, or gone with a restart: its file would keep the next one from starting
        _pid_file().unlink(missing_ok=True)
        (runtime / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)
    log = cache_directory("docker") / "dockerd.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                "dockerd",
                f"--host={_socket()}",
                f"--data-root={cache_directory('docker', 'data')}",
                f"--exec-root={runtime / 'exec'}",
                f"--pidfile={_pid_file()}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives us: the next rehearsal finds it
        )
    _ours.append(process)
    docker = Docker(socket=_socket())
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if docker.answers():
            return
        if process.poll() is not None:
            break
        time.sleep(0.5)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise CloudError(f"dockerd did not start ({log}): {' · '.join(last)}")


def _running() -> int | None:
    """The number of the engine that we started, if it is alive. One that waits to be reaped has no command line."""
    pid_file = _pid_file()
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    # else the number has been given to another process since
    return pid if f"--pidfile={pid_file}".encode() in command else None


def stop_container_engine() -> bool:
    """Stops the engine that we started, with its containers, and never any other; whether there was one."""
    pid = _running()
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for process in _ours:
            process.poll()  # a child that has ended stays in the process table until its parent looks
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.2)
    raise CloudError(f"dockerd (pid {pid}) did not stop within {_PATIENCE:.0f} s")
