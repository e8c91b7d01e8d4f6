"""What makes a container a machine: how it is started, stopped and looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from rehearsal.docker import Docker
from rehearsal.image import BOOT, archive, trusted
from rehearsal.model import CloudError, HostSpec

# systemd wants cgroups of its own, mounts and a clean /run; nothing of this is --privileged. SYS_BOOT makes `reboot`
# end the container instead of halting in it.
SYSTEM_FLAGS = (
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--cap-add=NET_RAW",
    "--cap-add=SYS_PTRACE",
    "--cap-add=SYS_BOOT",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run",
    "--env=container=docker",
    "--stop-signal=SIGRTMIN+3",
)
_SEED = "/var/lib/cloud/seed/nocloud"
_FILES = "/var/lib/local-host"
_SHUTDOWN = 90  # seconds that a shutdown in order may take: systemd's own default for a unit that hangs


def start_anchor(
    docker: Docker, image: str, name: str, hostname: str, network: str, address: str, labels: Sequence[str]
) -> str:
    """A container that does nothing but hold a network namespace, so that addresses and firewall outlive a reboot."""
    return docker.run(
        image,
        ["infinity"],
        *labels,
        f"--name={name}",
        f"--hostname={hostname}",
        f"--network={network}",
        f"--ip={address}",
        "--cap-add=NET_ADMIN",
        # As on a machine: low ports need privilege, and ::1 is there.
        "--sysctl=net.ipv4.ip_unprivileged_port_start=1024",
        "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
        "--stop-timeout=0",
        "--entrypoint=sleep",
    )


def create(
    docker: Docker,
    image: str,
    spec: HostSpec,
    identity: str,
    anchor: str,
    resolver: str,
    authorities: Mapping[str, str],
    name: str,
    labels: Sequence[str],
) -> str:
    """The machine itself, not yet started, with its cloud-init seed and the authorities to trust."""
    container = docker.create(
        image,
        (),
        *labels,
        f"--name={name}",
        f"--network=container:{anchor}",
        *SYSTEM_FLAGS,
        *size_flags(spec.cpus, spec.memory_mib),
        "--volume=/var/lib/docker",  # a container engine on the host can't keep its layers on ours
        "--restart=on-failure",  # a reboot from within ends it with a signal, which is no power-off
        f"--entrypoint={BOOT}",
    )
    try:
        docker.copy_in(container, archive(_files(spec, identity, resolver, authorities)))
    except CloudError:
        docker.remove([container])
        raise
    return container


def size_flags(cpus: int, memory_mib: int) -> tuple[str, ...]:
    """Memory is a limit; processors are a share, since this machine may have fewer than the size has."""
    return f"--memory={memory_mib}m", f"--cpu-shares={1024 * max(1, cpus)}"


def _files(
    spec: HostSpec, identity: str, resolver: str, authorities: Mapping[str, str]
) -> list[tuple[str, bytes, int]]:
    metadata = {"instance-id": identity, "local-hostname": spec.name, "public-keys": list(spec.ssh_keys)}
    hosts = f"127.0.1.1 {spec.name}\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
    texts = {
        f"{_SEED}/meta-data": (json.dumps(metadata), 0o600),
        f"{_SEED}/user-data": (spec.user_data or "#cloud-config\n", 0o600),
        f"{_FILES}/hostname": (f"{spec.name}\n", 0o644),
        f"{_FILES}/hosts": (hosts, 0o644),
        f"{_FILES}/resolv.conf": (f"nameserver {resolver}\noptions timeout:2 attempts:5\n", 0o644),
    }
    return [*trusted(authorities), *((path, text.encode(), mode) for path, (text, mode) in texts.items())]


def shut_down(docker: Docker, container: str) -> None:
    """Stops it in order."""
    docker.call("stop", f"--time={_SHUTDOWN}", container, timeout=_SHUTDOWN + 30)


def cut_power(docker: Docker, container: str) -> None:
    """Ends all its processes at once. Off already: nothing to do."""
    done = docker.call("kill", container, check=False)
    if done.returncode and "is not running" not in done.stderr:
        raise CloudError(f"cannot cut the power: {done.stderr.strip()}")


def wait_booted(docker: Docker, container: str, timeout: float) -> str:
    """Waits for cloud-init and systemd; systemd's word for the state of the system."""
    script = "cloud-init status --wait >/dev/null 2>&1; systemctl is-system-running --wait"
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        done = docker.exec(container, ["sh", "-c", script], check=False, timeout=max(left, 1))
        word = done.stdout.strip()
        if word in ("running", "degraded"):
            return word
        if not docker.running(container):
            raise CloudError(f"it stopped while it booted: {last_lines(docker, container)}")
        time.sleep(0.3)
    raise CloudError(f"it did not boot within {timeout:.0f} s: {last_lines(docker, container)}")


def last_lines(docker: Docker, container: str, count: int = 5) -> str:
    """The last lines of the journal, else of what the container printed."""
    journal = docker.exec(container, ["journalctl", "--no-pager", "-q", "-o", "cat", f"-n{count}"], check=False)
    text = journal.stdout if journal.returncode == 0 else docker.call("logs", f"--tail={count}", container).stdout
    return " · ".join(text.strip().splitlines()[-count:])
