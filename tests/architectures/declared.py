"""Shipped stacks with changes, declared in process, and questions about what was declared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from architectures import declare
from plan.program import Run, run
from policies.graph import Resource
from settings import stackfile

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], None]


def values_of(name: str) -> dict[str, Any]:
    """What a shipped stack file says, to be changed at will."""
    return json.loads(json.dumps(stackfile.read(ROOT / f"Pulumi.{name}.yaml").values))  # type: ignore[no-any-return]


def declared(name: str, secrets: frozenset[str], change: Change = lambda values: None, stack: str | None = None) -> Run:
    """A shipped stack with a change; `stack` is another name for it."""
    values = values_of(name)
    change(values)
    return run(declare, stack or name, values, secrets)


def named(result: Run, name: str) -> Resource:
    """The one resource of that name, no component."""
    (found,) = [resource for resource in result.graph if resource.custom and resource.name == name]
    return found


def after(result: Run, resource: Resource, on: Resource) -> bool:
    """Whether `resource` is registered after `on`: by itself, or because a component around it waits."""
    around: Resource | None = resource
    while around is not None:
        if result.graph.depends(around, on):
            return True
        around = result.graph.get(around.parent) if around.parent else None
    return False


def inputs(result: Run) -> dict[str, Mapping[str, Any]]:
    """What every resource is given, by its name."""
    return {resource.name: resource.inputs for resource in result.graph if resource.custom}


def changed(before: Run, following: Run) -> set[str]:
    """The names of the resources that are given something else. Both have the same ones."""
    old, new = inputs(before), inputs(following)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}
