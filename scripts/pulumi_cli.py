"""The Pulumi CLI, as the operator's commands use it, and how they tell what went wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""By this key the engine marks what is no plain value in its state; such as a secret, which is its `plaintext`."""


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


def run(*arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the Pulumi CLI in this folder, whatever comes of it. OperatorError where it is missing."""
    if shutil.which("pulumi") is None:
        raise OperatorError("the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/")
    stdout = subprocess.PIPE if capture else None
    return subprocess.run(["pulumi", *arguments], check=False, text=True, stdout=stdout)


def pulumi(*arguments: str, capture: bool = False) -> str:
    """Run the Pulumi CLI in this folder. Raises OperatorError where it is missing or fails."""
    done = run(*arguments, capture=capture)
    if done.returncode:
        raise OperatorError(f"`pulumi {arguments[0]}` failed: see above")
    return done.stdout or ""


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs; secrets among them stay hidden."""
    found: dict[str, Any] = json.loads(pulumi("stack", "output", "--json", "--stack", stack, capture=True))
    return found


def resources(stack: str) -> Sequence[Mapping[str, Any]]:
    """What the state has of each resource, secrets included; not of what only waits for its removal."""
    text = pulumi("stack", "export", "--show-secrets", "--stack", stack, capture=True)
    found = json.loads(text)["deployment"].get("resources") or ()
    return [plain(resource) for resource in found if not resource.get("delete")]


def plain(value: Any) -> Any:
    """A value of the state without the engine's marks."""
    if isinstance(value, Mapping):
        if SIGNATURE in value and "plaintext" in value:
            return plain(json.loads(value["plaintext"]))
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value
