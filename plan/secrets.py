"""The secrets that a stack needs, and those that nobody has set yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from settings.parse import NAMESPACE
from settings.stack import Settings


@dataclass(frozen=True)
class SecretNeeded:
    """A secret by its name, the keys of the stack file that ask for it, and how to set it."""

    name: str
    used_by: tuple[str, ...]
    is_set: bool
    command: str


def named(raw: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Every secret that a block of a stack file names with `{secret: NAME}`, be the rest of it right or wrong.

    `seen` keeps what was visited: YAML's aliases can make one value its own part, or a billion of a few.
    """
    seen = set() if seen is None else seen
    if id(raw) in seen:
        return
    if isinstance(raw, dict | list):
        seen.add(id(raw))
    if isinstance(raw, dict):
        if set(raw) == {"secret"} and isinstance(raw["secret"], str):
            yield raw["secret"]
        else:
            for value in raw.values():
                yield from named(value, seen)
    elif isinstance(raw, list):
        for value in raw:
            yield from named(value, seen)


def needed(settings: Settings, are_set: frozenset[str]) -> tuple[SecretNeeded, ...]:
    """The secrets of a stack, by name. The command asks for the value, so that it stays out of the shell's history."""
    uses: dict[str, list[str]] = {}
    for path, name in settings.product.secret_references():
        uses.setdefault(name, []).append(path)
    return tuple(
        SecretNeeded(
            name, tuple(paths), name in are_set, f"pulumi config set --secret {NAMESPACE}:{name} -s {settings.stack}"
        )
        for name, paths in sorted(uses.items())
    )
