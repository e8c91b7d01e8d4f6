"""What the operator's commands share: the Pulumi CLI, and the stack's outputs."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any


class OperatorError(Exception):
    """A reason, in one line, why a command did nothing."""


def pulumi(*arguments: str, capture: bool = False) -> str:
    """Run the Pulumi CLI in this folder. Raises OperatorError where it is missing or fails."""
    if shutil.which("pulumi") is None:
        raise OperatorError("the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/")
    done = subprocess.run(["pulumi", *arguments], check=False, text=True, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        raise OperatorError(f"`pulumi {arguments[0]}` failed: see above")
    return done.stdout or ""


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs; secrets among them stay hidden."""
    found: dict[str, Any] = json.loads(pulumi("stack", "output", "--json", "--stack", stack, capture=True))
    return found


def on_host(stack: str, *command: str) -> str:
    """Run one of the host's own commands, logged in as the operator, with the host key that the stack pinned."""
    known = outputs(stack)
    for key in ("address", "known_hosts"):
        if key not in known:
            raise OperatorError(f"the stack {stack} has no output {key!r}: run `pulumi up -s {stack}` first")
    done = subprocess.run(
        [
            "ssh",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
            "-o",
            f"KnownHostsCommand=/bin/echo {known['known_hosts']}",
            f"ops@{known['address']}",
            "sudo",
            "-n",
            "/usr/local/sbin/slipway",
            *command,
        ],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        raise OperatorError(f"`slipway {' '.join(command)}` failed on the host: see above")
    return done.stdout
