"""What an engine is told to ignore: paths in a resource's properties, such as `spec.services[0].envs`."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from rehearsal.provider.values import Properties

_STEP = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[\]]+)')
Steps = list[str | int]


def ignoring(paths: Iterable[str], new: Properties, kept: Properties) -> Properties:
    """`new` with what `kept` has at each of these paths. One that either of them lacks is left alone."""
    result = copy.deepcopy(new)
    for path in paths:
        *before, last = steps(path)
        try:
            value, place = at(kept, [*before, last]), at(result, before)
            place[last]
        except (KeyError, IndexError, TypeError):
            continue
        place[last] = copy.deepcopy(value)
    return result


def steps(path: str) -> Steps:
    """The keys and places of a path, one by one."""
    return [int(index) if index else quoted or key for quoted, index, key in _STEP.findall(path)]


def at(value: Any, where: Iterable[str | int]) -> Any:
    """What is at a place."""
    for step in where:
        value = value[step]
    return value
