"""The Pulumi CLI, as the operator's commands use it, and how they tell what went wrong."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""By this key the engine marks what is no plain value in its state; such as a secret, which is its `plaintext`."""


class OperatorError(Exception):
    """A reason, in one line, why a command did not do what it was asked."""


class CtrlCError(OperatorError):
    """Somebody pressed Ctrl-C."""

    def __init__(self) -> None:
        super().__init__("interrupted")


def command_line(act: Callable[[], None]) -> int:
    """Run an operator's command. 1 with its reason in one line where it has one."""
    try:
        act()
    except (OperatorError, KeyboardInterrupt) as error:
        print(str(error) or CtrlCError(), file=sys.stderr)
        return 1
    return 0


def run_to_its_end(
    argv: Sequence[str],
    *,
    text: str | None = None,
    capture: bool = False,
    cwd: Path | None = None,
    unheard: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program, whatever comes of it; `text` is its standard input.

    Ctrl-C goes to every program in the terminal: this one puts in order what it has begun, on hosts or in the engine's
    state, and subprocess.run would kill it a quarter of a second later. One that would only go and leave what it has
    begun to itself does not hear of it: `unheard` says then what is waited for. CtrlCError once it has ended.
    """
    rung: list[int] = []

    def ring(number: int, _: object) -> None:
        if unheard is not None and not rung:
            print(unheard, file=sys.stderr, flush=True)
        rung.append(number)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN if unheard is not None else ring)
    try:
        stdin, stdout = (subprocess.PIPE if wanted else None for wanted in (text is not None, capture))
        with subprocess.Popen(argv, cwd=cwd, text=True, stdin=stdin, stdout=stdout) as process:
            signal.signal(signal.SIGINT, ring)
            said, _ = process.communicate(text)
    finally:
        signal.signal(signal.SIGINT, before)
    if rung:
        raise CtrlCError
    return subprocess.CompletedProcess(argv, process.returncode, said)


def run(*arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the Pulumi CLI in this folder, whatever comes of it. OperatorError where it is missing."""
    if shutil.which("pulumi") is None:
        raise OperatorError("the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/")
    return run_to_its_end(["pulumi", *arguments], capture=capture)


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
