"""A stack that is like another one: its file says only what differs, the other's file says the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LIKE = "like"
"""The key, without the namespace, that names the other stack."""


_DEEPEST = 20
"""Nothing of a stack file lies deeper; YAML's aliases can make a value its own part."""


def merged(rest: Any, own: Any, depth: int = 0) -> Any:
    """`rest` with what `own` says over it, mapping by mapping; a key that is nothing (null) there is taken out."""
    if not (isinstance(rest, Mapping) and isinstance(own, Mapping)) or depth > _DEEPEST:
        return own
    both = {key: merged(rest.get(key), own[key], depth + 1) if key in own else rest[key] for key in {**rest, **own}}
    return {key: value for key, value in both.items() if value is not None}
