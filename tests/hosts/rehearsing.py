"""A stack that is brought up from nothing for its checks, and down again with nothing left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from rehearsal import login
from rehearsal.checks.check import Check
from rehearsal.checks.scene import Scene
from rehearsal.run import Rehearsal

REQUESTS, RATE = 5000, 100.0
"""Of each load at least, and a second. `make rehearse CHECKS=all` sends more, and has the machine for itself: here
another worker's hosts release at the same time."""


def brought_up(stack: str) -> Iterator[Scene]:
    """The body of a fixture: the rehearsed stack, and nothing left behind at its end."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        print(line)  # shown by pytest where a check does not hold

    with Rehearsal(stack, say) as rehearsal:
        rehearsal.down()
        try:
            rehearsal.up()
            yield Scene(rehearsal, said, REQUESTS, RATE)
        finally:
            rehearsal.down()
    assert not rehearsal.workspace.directory.exists(), "files of the rehearsal are left"


def expect_login(scene: Scene, name: str = "") -> None:
    """What `make rehearse-shell` runs leads to this host, with the program's own key and no question."""
    argv = [*login.command(scene.rehearsal, name), "hostname"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (name or scene.host.name)


def name(check: Check) -> str:
    """What a test of this check is called."""
    return f"{check.number}-{check.title}"


def expect_all(scene: Scene, check: Check) -> None:
    """Fail with each line that does not hold."""
    result = check.run(scene)
    broken = [f"{line.text}: {line.seen}" for line in result.lines if line.holds is False]
    assert not broken, "\n".join(broken)
    assert result.passed, "the check looked at nothing"
