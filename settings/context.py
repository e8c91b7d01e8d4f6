"""What the checks across keys look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Context:
    """The valid parts of a stack's blocks, and the names as they were written."""

    stack: str
    raw: Mapping[str, Any]
    blocks: Mapping[str, BaseModel]
    secrets: frozenset[str]
    require_secrets: bool = True

    def says(self, *keys: str) -> bool:
        """Whether the file gives this key a value at all, be it right or wrong."""
        where: Any = self.raw
        for key in keys:
            if not isinstance(where, Mapping) or where.get(key) is None:
                return False
            where = where[key]
        return True

    def names(self, key: str) -> set[str] | None:
        """The names below `product.<key>` as written, those of invalid entries too; None where it is no mapping."""
        product = self.raw.get("product")
        given = product.get(key, {}) if isinstance(product, Mapping) else None
        return {str(name) for name in given} if isinstance(given, Mapping) else None
