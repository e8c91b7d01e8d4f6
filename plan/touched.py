"""`git diff --name-only … | python -m plan.touched`: the stacks whose plan a change of these files may change."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from plan.build import ROOT
from settings import stackfile
from settings.problems import SettingsError

_STACK_FILE = re.compile(r"Pulumi\.([a-z0-9-]+)\.yaml")
_SAYS_NOTHING = re.compile(r"docs/.*|[A-Z]+\.md|LICENSE")
"""Files that no stack is made of."""


def touched(files: Iterable[str], root: Path = ROOT) -> list[str]:
    """The stacks of `root`, by name. A stack file is its own stack's and of those that are like it; a file of the
    program is every stack's."""
    stacks = sorted(found[1] for file in root.iterdir() if (found := _STACK_FILE.fullmatch(file.name)))
    changed = {file for file in files if not _SAYS_NOTHING.fullmatch(file)}
    own = {found[1] for file in changed if (found := _STACK_FILE.fullmatch(file))}
    if len(own) < len(changed):
        return stacks
    return [stack for stack in stacks if stack in own or _like(root / f"Pulumi.{stack}.yaml") in own]


def _like(path: Path) -> str | None:
    """The stack that the one at `path` is like, whatever else is wrong with either."""
    try:
        return stackfile.like(path)
    except SettingsError:
        return None


if __name__ == "__main__":
    print(*touched(sys.stdin.read().splitlines()), sep="\n")
