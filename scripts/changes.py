"""What `pulumi up` would change, before it does: a release changes what runs, and nothing beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from components.release_parts import APP, FLEET_RELEASE, HOST_SETUP, RELEASE
from scripts.pulumi_cli import OperatorError, run

STACK = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"
"""What the engine reaches a cloud by, such as with another token: what that changes of a resource is told of that."""
NOTHING = ("same", "read")
OF_COMMAND = frozenset({"stdin"})
"""What a release changes of the command that releases: its request."""
OF_PLATFORM = frozenset({"digest", "envs"})
"""What it changes of an app's specification, wherever in it: images and, as a host's request has them, variables."""
Step = Mapping[str, Any]


def only_of_the_release(stack: str) -> str | None:
    """Preview the stack: the program runs once, and no cloud is asked to change anything. OperatorError, with a line
    for each resource, where more would change than what is released.

    Where hosts release, and the engine sees no change in that: the resource that does, by its URN. The engine knows
    what it asked for last, and somebody may have returned the hosts from it since.
    """
    print(f"looking whether the release is all that `pulumi up` would change of {stack}", flush=True)
    done = run("preview", "--json", "--show-sames", "--stack", stack, capture=True)
    try:
        digest = json.loads(done.stdout)
    except ValueError:
        raise OperatorError("`pulumi preview` failed: see above") from None
    for line in _complaints(digest) if done.returncode else ():
        print(line, file=sys.stderr)
    every: list[Step] = list(digest.get("steps") or ())
    steps = [step for step in every if step["op"] not in NOTHING and not _kind(step).startswith(PROVIDERS)]
    if any((step["op"], _kind(step)) == ("create", STACK) for step in steps):
        raise OperatorError(
            f"{stack} has never been up: `pulumi up -s {stack}` makes it, and releases what is in its file"
        )
    refused = [line for step in steps for line in _refusal(step)]
    if refused:
        whole = "\n".join(f"  {line}" for line in refused)
        raise OperatorError(
            f"{stack} has changes that are no release: `pulumi up -s {stack}` first, which shows them\n{whole}"
        )
    if done.returncode:
        raise OperatorError("`pulumi preview` failed: see above")
    return next((step["urn"] for step in every if step["op"] == "same" and _is_request(step)), None)


def _refusal(step: Step) -> Iterator[str]:
    """One line, unless it is the release that changes."""
    changed = _changed(step)
    if _releases(step) and step["op"] in ("create", "update") and not changed:
        return
    what = f" ({', '.join(changed)})" if changed else ""
    protected = ", which is protected" if (step.get("oldState") or {}).get("protect") else ""
    yield f"{step['op']} {_name(step)}, {_kind(step)}{what}{protected}"


def _releases(step: Step) -> bool:
    """Whether this is the one resource that releases, in a kind with hosts or on the platform."""
    parent = step["urn"].split("::")[2].rpartition("$")[0].rpartition("$")[2]
    return parent == APP or (parent in (FLEET_RELEASE, HOST_SETUP) and _name(step).endswith(f"-{RELEASE}"))


def _is_request(step: Step) -> bool:
    """Whether this is what hosts are asked by to release; they know themselves what they serve."""
    return _releases(step) and _kind(step).startswith("command:")


def _changed(step: Step) -> list[str]:
    """The inputs that an update changes, but for those that are of the release."""
    old, new = ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState"))
    if step["op"] != "update":
        return []
    told = set(step.get("diffReasons") or ())  # a secret looks like any other
    if _releases(step):
        old, new, told = _but_for_the_release(old), _but_for_the_release(new), set()
    return sorted(told | {key for key in {*old, *new} if old.get(key) != new.get(key)})


def _but_for_the_release(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {key: value for key, value in inputs.items() if key not in OF_COMMAND}
    return {**kept, "spec": _without(kept["spec"], OF_PLATFORM)} if "spec" in kept else kept


def _without(value: Any, keys: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(inner, keys) for key, inner in value.items() if key not in keys}
    return [_without(inner, keys) for inner in value] if isinstance(value, list) else value


def _name(step: Step) -> str:
    name: str = step["urn"].rpartition("::")[2]
    return name


def _kind(step: Step) -> str:
    kind: str = step["urn"].split("::")[2].rpartition("$")[2]
    return kind


def _complaints(digest: Mapping[str, Any]) -> list[str]:
    """What the engine and the program said, each once."""
    said = [
        one["message"].strip() for one in digest.get("diagnostics") or () if one["severity"] not in ("debug", "info")
    ]
    return list(dict.fromkeys(said))
