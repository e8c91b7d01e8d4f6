"""What the operator's commands share: the Pulumi CLI, the stack's outputs, the host's own commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

COMMIT_KEY = "slipway:product.release.commit"


class OperatorError(Exception):
    """A reason, in one line, why a command did not do what it was asked."""


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


def written_commit(stack: str) -> str:
    """The commit that the stack file names."""
    return pulumi("config", "get", "--path", COMMIT_KEY, "--stack", stack, capture=True).strip()


def write_commit(stack: str, commit: str) -> None:
    """Have the stack file name this commit."""
    pulumi("config", "set", "--path", COMMIT_KEY, commit, "--stack", stack)


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs; secrets among them stay hidden."""
    found: dict[str, Any] = json.loads(pulumi("stack", "output", "--json", "--stack", stack, capture=True))
    return found


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


def serving_commit(stack: str) -> str:
    """The commit that the host serves, by its own word."""
    said = json.loads(on_host(stack, "status", "--json", capture=True))
    return str(said["commit"])
