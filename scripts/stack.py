"""What the operator's commands share: the Pulumi CLI, the stack's outputs, the hosts' own commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from settings import stackfile
from settings.problems import SettingsError

RELEASE_KEY = "slipway:product.release"
FLEET_KIND, APP_KIND = "fleet-compose", "app-platform"
COORDINATOR = ("command:local:Command", "scripts/fleet.sh release")
"""The resource that releases a fleet: its type and what it runs (components/fleet_release.py)."""
ROOT = Path(__file__).resolve().parent.parent


class OperatorError(Exception):
    """A reason, in one line, why a command did not do what it was asked."""


@dataclass(frozen=True)
class Release:
    """What a stack file names: a commit of the source, or a digest for each image and the tag people know it by."""

    commit: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.commit:
            return self.commit[:8]
        known = {name: self.versions.get(name) or _short(image) for name, image in self.images.items()}
        return ", ".join(f"{name} {version}" for name, version in sorted(known.items())) or "nothing"

    def is_(self, other: Release) -> bool:
        """Whether this runs the same, whatever its tags are."""
        return (self.commit, dict(self.images)) == (other.commit, dict(other.images))


def command_line(act: Callable[[], None]) -> int:
    """Run an operator's command. 1 with its reason in one line where it has one."""
    try:
        act()
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def pulumi(*arguments: str, capture: bool = False) -> str:
    """Run the Pulumi CLI in this folder. Raises OperatorError where it is missing or fails."""
    if shutil.which("pulumi") is None:
        raise OperatorError("the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/")
    done = subprocess.run(["pulumi", *arguments], check=False, text=True, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        raise OperatorError(f"`pulumi {arguments[0]}` failed: see above")
    return done.stdout or ""


def written(stack: str) -> Release:
    """The release that the stack file names."""
    text = pulumi("config", "get", "--path", RELEASE_KEY, "--stack", stack, capture=True)
    data = json.loads(text)
    return Release(str(data.get("commit") or ""), data.get("images") or {}, data.get("versions") or {})


def write(stack: str, release: Release) -> None:
    """Have the stack file name this release. Its comments stay, and what it says already is left alone."""
    before = written(stack)
    if release.commit and release.commit != before.commit:
        _set(stack, "commit", release.commit)
    for name, image in release.images.items():
        if image != before.images.get(name):
            _set(stack, f"images.{name}", image)
        version = release.versions.get(name)
        if version is not None and version != before.versions.get(name):
            _set(stack, f"versions.{name}", version)
        elif version is None and name in before.versions:
            pulumi("config", "rm", "--path", f"{RELEASE_KEY}.versions.{name}", "--stack", stack)


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs; secrets among them stay hidden."""
    found: dict[str, Any] = json.loads(pulumi("stack", "output", "--json", "--stack", stack, capture=True))
    return found


def is_fleet(stack: str) -> bool:
    """Whether the stack's hosts are released as one, by scripts/fleet."""
    return kind_of(stack) == FLEET_KIND


def kind_of(stack: str) -> str:
    """The kind of the stack's architecture, which the file of the stack that it is like may say."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    try:
        whole = stackfile.read(file) if file.exists() else None
    except SettingsError as error:
        raise OperatorError(str(error)) from None
    if whole is not None and whole.like is not None:
        return str(whole.values["architecture"].get("kind"))
    return pulumi("config", "get", "--path", "slipway:architecture.kind", "--stack", stack, capture=True).strip()


def on_hosts_only(stack: str, why: str) -> None:
    """OperatorError, with what is there instead, for a stack whose hosts are none of ours."""
    if kind_of(stack) == APP_KIND:
        raise OperatorError(f"{stack} is of the kind {APP_KIND}: {why}")


def on_host(stack: str, *command: str, capture: bool = False) -> str:
    """Run one of the host's own commands, logged in as the operator, with the host key that the stack pinned."""
    known = outputs(stack)
    for key in ("address", "known_hosts"):
        if key not in known:
            raise OperatorError(f"the stack {stack} has no output {key!r}: run `pulumi up -s {stack}` first")
    checked = ["-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null"]
    pinned = ["-o", f"KnownHostsCommand=/bin/echo {known['known_hosts']}"]
    there = [f"ops@{known['address']}", "sudo", "-n", "/usr/local/sbin/slipway", *command]
    stdout = subprocess.PIPE if capture else None
    done = subprocess.run(["ssh", *checked, *pinned, *there], check=False, text=True, stdout=stdout)
    if done.returncode:
        raise OperatorError(f"`slipway {' '.join(command)}` failed on the host: see above")
    return done.stdout or ""


def on_fleet(stack: str, command: str, *options: str, take_over: bool = False, capture: bool = False) -> str:
    """Run a command of scripts/fleet for all hosts of the stack. What it needs of the secrets goes in by a pipe."""
    order = _order(stack)
    order |= {"owner": f"make {command} STACK={stack}", "take_over": take_over}
    stdout = subprocess.PIPE if capture else None
    argv = [sys.executable, "-m", "scripts.fleet", command, *options]
    done = subprocess.run(argv, cwd=ROOT, input=json.dumps(order), text=True, stdout=stdout, check=False)
    if done.returncode:
        raise OperatorError(f"{command} failed: see above")
    return done.stdout or ""


def _order(stack: str) -> dict[str, Any]:
    """What the coordinator was told by the last update that went well. A secret, so it is in the state alone."""
    text = pulumi("stack", "export", "--show-secrets", "--stack", stack, capture=True)
    for resource in json.loads(text)["deployment"].get("resources", ()):
        inputs = resource.get("inputs", {})
        if (resource["type"], inputs.get("create")) == COORDINATOR:
            order: dict[str, Any] = json.loads(json.loads(inputs["stdin"]["plaintext"]))
            return order
    raise OperatorError(f"the stack {stack} has released on no fleet yet: run `pulumi up -s {stack}` first")


def serving(stack: str) -> Release:
    """The release that the stack's hosts serve, by their own word. OperatorError if they do not say one."""
    if is_fleet(stack):
        return _serving_of_all(json.loads(on_fleet(stack, "status", "--json", capture=True)))
    said = json.loads(on_host(stack, "status", "--json", capture=True))
    if not written(stack).images:
        return Release(commit=str(said["commit"]))
    lines = on_host(stack, "ledger", "--json", capture=True).splitlines()
    begun = [
        entry for entry in map(json.loads, lines) if (entry["event"], entry["release"]) == ("started", said["serving"])
    ]
    if not begun:
        raise OperatorError(f"the host's ledger does not tell what {said['serving']} is made of")
    return Release(images=begun[-1]["images"], versions=begun[-1]["versions"])


def brought(stack: str, act: Callable[[], str]) -> Release:
    """What the stack serves once `act` has brought it elsewhere; its stack file names that, also where not all went."""
    try:
        act()
    except OperatorError as error:
        try:
            now = serving(stack)
        except (OperatorError, KeyError, ValueError):
            raise error from None
        write(stack, now)
        raise OperatorError(f"{error}; {stack} runs {now}, and its stack file says so") from None
    now = serving(stack)
    write(stack, now)
    return now


def _serving_of_all(hosts: Mapping[str, Mapping[str, Any] | None]) -> Release:
    """What those serve that answer: one that is off follows when it is back."""
    answers = [host for host in hosts.values() if host is not None]
    found = [Release(images=host["images"], versions=host["versions"]) for host in answers if "images" in host]
    if not found or len(found) < len(answers) or any(not one.is_(found[0]) for one in found):
        raise OperatorError("the hosts do not all serve the same: `make recover` brings them to one release")
    return found[0]


def _set(stack: str, path: str, value: str) -> None:
    """Set a text: without a type a tag such as 12 would become a number."""
    pulumi("config", "set", "--path", f"{RELEASE_KEY}.{path}", value, "--type", "string", "--stack", stack)


def _short(image: str) -> str:
    return image.partition("@sha256:")[2][:12]
