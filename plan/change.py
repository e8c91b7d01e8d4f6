"""What a change of a stack file or of the program does to a stack: its plan beside that of another checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan.many import in_words
from plan.program import ProgramError
from policies.replaces import REPLACES

Document = Mapping[str, Any]
"""A plan as `plan.machine` writes it."""
DANGERS = ("delete", "replace", "update", "create")
"""What becomes of a resource, the worst first."""


@dataclass(frozen=True)
class Change:
    """What becomes of a resource, and by which of its inputs."""

    what: str
    name: str
    type: str
    inputs: tuple[str, ...] = ()
    protect: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether `pulumi up` fails at it: what is protected is neither deleted nor replaced."""
        return self.protect and self.what in ("delete", "replace")


def document_of(stack: str, base: Path) -> Document | None:
    """The plan that the program in the directory `base` makes of the stack; None where there is no such stack.

    That program runs by itself, in this Python. Raises ProgramError where it makes no plan.
    """
    if not (base / "plan" / "machine.py").is_file():
        raise ProgramError(f"BASE is '{base}', should be a directory with another checkout of this program")
    if not (base / f"Pulumi.{stack}.yaml").is_file():
        return None
    argv = [sys.executable, "-W", "ignore", "-m", "plan", "--stack", stack, "--format", "json", "--files"]
    done = subprocess.run(argv, cwd=base, capture_output=True, text=True, check=False)
    try:
        document: Document = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines()
        raise ProgramError(f"{stack} has no plan in {base}: {lines[-1] if lines else 'it says nothing'}") from None
    return document


def changes(before: Document, after: Document) -> list[Change]:
    """What the engine would do, as far as it can be told without its state: first what may lose something.

    The inputs that are secret look the same in any plan; what hosts are sent is told by their files (`files`).
    """
    old, new = ({one["urn"]: one for one in plan["resources"] if not one["component"]} for plan in (before, after))
    found = [_change("delete", old[urn]) for urn in old.keys() - new.keys()]
    found += [_change("create", new[urn]) for urn in new.keys() - old.keys()]
    for urn in old.keys() & new.keys():
        changed = _inputs(old[urn], new[urn])
        replacing = [key for key in changed if key in REPLACES.get(new[urn]["type"], ())]
        if changed:
            found.append(_change("replace" if replacing else "update", old[urn], replacing or changed))
    return sorted(found, key=_by_danger)


def files(before: Document, after: Document) -> dict[str, list[str]]:
    """The files that differ on hosts that stay, each with those hosts."""
    old, new = ({(file["host"], file["path"]): file for file in plan["files"]} for plan in (before, after))
    staying = {host for host, _ in old} & {host for host, _ in new}
    found: dict[str, list[str]] = {}
    for host, path in sorted(old.keys() | new.keys()):
        if host in staying and old.get((host, path)) != new.get((host, path)):
            found.setdefault(path, []).append(host)
    return found


def lines(before: Document | None, after: Document) -> Iterator[str]:
    """What changes, as a list in Markdown that a terminal can show, too."""
    if before is None:
        yield "The stack is new: everything is made."
        return
    found = changes(before, after)
    for change in found:
        if change.what != "create":
            yield f"- {_told(change)}"
    if made := Counter(change.type.rpartition(":")[2] for change in found if change.what == "create"):
        yield f"- create {', '.join(f'{number} {kind}' for kind, number in made.items())}"
    for path, hosts in files(before, after).items():
        yield f"- file `{path}` on {in_words(hosts)}"
    if before["release"] != after["release"]:
        yield "- another release"
    costs = [plan["cost"]["monthly"] for plan in (before, after)]
    if costs[0] != costs[1]:
        yield f"- {costs[0]:.2f} → {costs[1]:.2f} USD a month"
    if not found and before == after:
        yield "Nothing, as far as a plan shows: what is secret is not compared."


def _by_danger(change: Change) -> tuple[bool, int, bool, str, str]:
    is_command = change.type.startswith("command:")  # a host's commands go with the host
    return not change.is_refused, DANGERS.index(change.what), is_command, change.type, change.name


def _told(change: Change) -> str:
    by = f": {in_words(change.inputs)}" if change.inputs else ""
    refused = ". It is protected: `pulumi up` refuses that" if change.is_refused else ""
    return f"**{change.what}** `{change.name}` ({change.type.rpartition(':')[2]}){by}{refused}"


def _change(what: str, resource: Mapping[str, Any], inputs: list[str] | None = None) -> Change:
    return Change(what, resource["name"], resource["type"], tuple(inputs or ()), resource["protect"])


def _inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The inputs that differ, but for those whose changes the engine is told to pass over."""
    inputs, others = old["inputs"], new["inputs"]
    passed_over = {path.partition(".")[0].partition("[")[0] for path in new["ignore_changes"]}
    different = (key for key in {*inputs, *others} if inputs.get(key) != others.get(key))
    return sorted(key for key in different if key not in passed_over)
