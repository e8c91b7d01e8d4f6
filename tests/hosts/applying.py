"""A local host that manifests are applied to as in earnest: over SSH, as the deploying user, its host key pinned."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from hostfiles import bundle, cloud_init, droplet_pm2
from rehearsal.cloud import LocalCloud
from rehearsal.model import Host, HostSpec, Record
from settings import parse, stackfile

STACK = Path(__file__).parents[2] / "Pulumi.familyflow.yaml"
FOREIGN_RANGE = "203.0.113.7/32"
"""An admin range that is not where the tests come from."""

Manifest = dict[str, Any]


def key_pair(directory: Path, name: str) -> tuple[Path, str]:
    """A new SSH key: the file of its private half, the text of its public half."""
    path = directory / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path, path.with_suffix(".pub").read_text().strip()


class AppliedHost:
    """One host of a local cloud, and the ways to it: SSH, and its console."""

    def __init__(self, cloud: LocalCloud, directory: Path, name: str) -> None:
        self.cloud = cloud
        self.directory = directory
        self.key, public = key_pair(directory, f"{name}-deploy")
        first, self.first_host_key = key_pair(directory, f"{name}-first-host-key")
        user_data = cloud_init.user_data(public, first.read_text(), self.first_host_key)
        self.host: Host = cloud.create_host(HostSpec(name, 2, 4096, user_data))
        self.pinned = self.first_host_key

    def ssh(self, command: str, text: str = "", timeout: float = 600) -> CompletedProcess[str]:
        """Run a command over a new connection that accepts the pinned host key and no other."""
        known = self.directory / "known_hosts"
        known.write_text(f"{self.host.public_address} {self.pinned}\n")
        options = [f"UserKnownHostsFile={known}", "StrictHostKeyChecking=yes", "BatchMode=yes", "ConnectTimeout=5"]
        flags = [argument for option in [*options, "LogLevel=ERROR"] for argument in ("-o", option)]
        argv = ["ssh", "-F", "none", "-i", str(self.key), *flags, f"deploy@{self.host.public_address}", command]
        return subprocess.run(argv, input=text, text=True, capture_output=True, timeout=timeout, check=False)

    def reachable(self) -> bool:
        """Whether a new connection comes through."""
        return self.ssh("true").returncode == 0

    def wait_reachable(self, seconds: float = 120) -> None:
        """Return as soon as a new connection comes through."""
        until = time.monotonic() + seconds
        while not self.reachable():
            assert time.monotonic() < until, f"no SSH after {seconds} s"
            time.sleep(1)

    def slipway(self, command: str, content: Manifest | None = None) -> CompletedProcess[str]:
        """Run a command of the scripts as the program does: with the scripts and its input on standard input."""
        return self.ssh(bundle.loader_command(command), bundle.bundle(content))

    def bootstrap(self) -> str:
        """Run the first command, pin the key that it prints, and return it."""
        done = self.slipway("bootstrap")
        assert done.returncode == 0, done.stderr
        self.pinned = done.stdout.strip()
        return self.pinned

    def apply(self, manifest: Manifest) -> list[str]:
        """Apply a manifest and confirm its firewall; the lines it said."""
        done = self.slipway("apply", manifest)
        assert done.returncode == 0, done.stdout + done.stderr
        confirmed = self.slipway("firewall-confirm")
        assert confirmed.returncode == 0, confirmed.stderr
        return done.stdout.splitlines()

    def changes(self, manifest: Manifest) -> list[str]:
        """Apply a manifest; what it changed."""
        lines = self.apply(manifest)
        changed = [line.removeprefix("changed: ") for line in lines if line.startswith("changed: ")]
        assert lines[-1] == f"{len(changed)} changed"
        return changed

    def console(self, command: str, text: str | None = None, check: bool = True) -> str:
        """Run a shell command as root on the console, and return what it wrote."""
        done = self.cloud.exec(self.host.id, ["sh", "-c", command], input=text, timeout=600)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def lead_domain_here(self, domain: str) -> None:
        """Have the resolver answer with this host for `domain`."""
        self.cloud.set_records({domain: [Record("A", self.host.public_address)]})


def familyflow(admin_range: str) -> Manifest:
    """The manifest of the sample stack, as the program makes it, with secrets made now."""
    file = stackfile.read(STACK)
    settings = parse.parse(file.stack, file.values, file.secrets, require_secrets=False)
    passwords = {name: secrets.token_urlsafe(32) for name in settings.product.backing}
    variables = {"SECRET_KEY": secrets.token_urlsafe(50), "DEBUG": "False"}
    made = json.loads(json.dumps(droplet_pm2.manifest(settings, variables, passwords).as_dict()))
    made["firewall"]["ssh_from"] = [admin_range]
    return dict(made)


def file_of(manifest: Manifest, path: str) -> dict[str, Any]:
    """The entry of one file."""
    found: dict[str, Any] = next(file for file in manifest["files"] if file["path"] == path)
    return found
