"""How fast a host is set up, how little a second apply does, and what a release costs those it serves."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.ratio import Ratio, alternating, program, seconds
from rehearsal.checks.scene import Scene
from rehearsal.model import HostSpec
from rehearsal.run import Rehearsal


def ratios(scene: Scene, first_apply: float, connections: int) -> Iterator[Ratio]:
    """All that needs a host. `first_apply` is its duration in the first `up`, `connections` what that opened."""
    rehearsal = scene.rehearsal
    ssh = _ssh(scene)
    again, bare = alternating(program([*ssh, "sudo -n /usr/local/sbin/slipway apply --again"]), program([*ssh, "true"]))
    yield Ratio("second apply / bare `ssh host true`", again, bare, 3.0)
    yield Ratio("first apply / bare apt-get install of the same packages", first_apply, _bare_install(scene), 1.3)
    yield Ratio("connections for a first `up`, each host", connections, 1, 4.0, "")
    before = _opened(rehearsal)
    rehearsal.up()
    yield Ratio("connections for an `up` that changes nothing", _opened(rehearsal) - before, 1, 1.0, "")
    with scene.load(least=0) as rest:
        time.sleep(20)
    with scene.load(least=0) as released:
        scene.release("good")
    yield Ratio("p99 during a release / p99 at rest", released.percentile(0.99), rest.percentile(0.99), None, "ms")


def _opened(rehearsal: Rehearsal) -> int:
    return sum(rehearsal.connections().values())


def _ssh(scene: Scene) -> list[str]:
    """SSH as the operator, with a key that is put on the host for this measurement."""
    key = Path(scene.directory) / "bench-key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public = key.with_suffix(".pub").read_text()
        scene.root("bash", "-c", "cat >> /home/ops/.ssh/authorized_keys", input=public)
    known = Path(scene.directory) / "bench-known-hosts"
    known.write_text(f"{scene.outputs['known_hosts']}\n")
    return ["ssh", "-F", "none", "-i", str(key), "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}",
            "-o", "StrictHostKeyChecking=yes", f"ops@{scene.visitor.address}"]  # fmt: skip


def _bare_install(scene: Scene) -> float:
    """Seconds for `apt-get install` of the manifest's packages on a host that has nothing, and for nothing else."""
    packages = json.loads(scene.root("cat", "/etc/slipway/manifest.json").stdout)["packages"]
    host = scene.cloud.create_host(HostSpec("bench-bare", 2, 4096, "#cloud-config\n{}\n"))
    try:
        scene.cloud.wait_booted(host.id)
        command = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "
        install: Callable[[], object] = lambda: scene.cloud.exec(  # noqa: E731
            host.id, ["bash", "-c", command + " ".join(packages)], timeout=900
        )
        return seconds(install)
    finally:
        scene.cloud.delete_host(host.id)
