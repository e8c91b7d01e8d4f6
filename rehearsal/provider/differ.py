"""What changed between the inputs a resource was made with and the ones it should have."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from policies.replaces import REPLACES
from rehearsal.provider.resource import Resource
from rehearsal.provider.values import Properties, is_unknown, plain


@dataclass(frozen=True)
class Difference:
    """The changed properties, those of them that replace, and whether the old one has to go before the new one."""

    changed: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_first: bool


def difference(resource: Resource, old: Properties, new: Properties, by_default: Collection[str] = ()) -> Difference:
    """Compares checked inputs; a value not known yet counts as changed. `by_default`: names that the provider chose."""
    changed = tuple(
        key
        for key in sorted(old.keys() | new.keys())
        if key not in resource.ignored and not _same(resource, key, old.get(key), new.get(key))
    )
    table = REPLACES[resource.token]
    forced = resource.forces(plain(old), plain(new)) if changed else ()
    replaces = tuple(key for key in changed if key in table or key in forced)
    return Difference(changed, replaces, bool(replaces) and _name_is_chosen(resource, new, by_default))


def _name_is_chosen(resource: Resource, new: Properties, by_default: Collection[str]) -> bool:
    """Whether the program chose the name, even another one than before (nameRequiresDeleteBeforeReplace in the bridge's
    pkg/tfbridge/schema.go, read at 2026-08-05)."""
    return resource.named is not None and resource.named in new and resource.named not in by_default


def _same(resource: Resource, key: str, old: Any, new: Any) -> bool:
    if is_unknown(new):
        return False
    return bool(_canonical(resource, key, plain(old)) == _canonical(resource, key, plain(new)))


def _canonical(resource: Resource, key: str, value: Any) -> Any:
    """The value with its sets in one order."""
    if isinstance(value, dict):
        return {name: _canonical(resource, name, item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(resource, key, item) for item in value]
        return sorted(items, key=_text) if key in resource.unordered else items
    return value


def _text(item: Any) -> str:
    """By this a set is sorted. What is not known yet, such as the id of a host to be made, has its place, too."""
    return json.dumps(item, sort_keys=True, default=repr)
