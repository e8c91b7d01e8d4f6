"""Many things that are alike, in few words: a fleet's plan is as easy to read as one host's."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST = 4
"""Of more than this many that are alike, one stands for the others."""


def in_words(names: Sequence[str], what: str = "") -> str:
    """Names as a person would list them: all of a few; of many that differ in a number the first and the last."""
    families: dict[str, list[str]] = {}
    for name in sorted(names, key=natural):
        families.setdefault(family(name), []).append(name)
    listed = (", ".join(some) if len(some) <= MOST else f"{some[0]} to {some[-1]}" for some in families.values())
    number = f"{len(names)}{what and f' {what}'}, " if len(names) > MOST else ""
    return f"{number}{', '.join(listed)}"


def family(name: str) -> str:
    """What a name has in common with those that differ from it in a number."""
    return re.sub("[0-9]+", "#", name)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """The key to sort names by that end in numbers: 2 stands before 10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", name))
