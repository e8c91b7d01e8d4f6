"""A good stack, and ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from settings import stackfile
from settings.parse import parse
from settings.problems import SettingsError

ROOT = Path(__file__).parents[2]
_FILE = stackfile.read(ROOT / "Pulumi.familyflow.yaml")
SECRETS = frozenset({"SUPABASE_DB_URL", "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SENTRY_DSN"})
"""What the shipped stack names as secrets."""


class Missing:
    """The value of a key that is taken out."""


def good() -> dict[str, Any]:
    """The blocks of the shipped FamilyFlow stack, to be changed at will."""
    return copy.deepcopy(dict(_FILE.values))


def spoil(values: dict[str, Any], path: str, value: Any) -> None:
    """Set the key at `path`, such as product.routes.0.service, or take it out."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    where: Any = values
    for part in way:
        where = where[part] if isinstance(part, int) else where.setdefault(part, {})
    if value is Missing:
        del where[last]
    else:
        where[last] = value


def told(
    changes: dict[str, Any],
    *,
    stack: str = "familyflow",
    secrets: frozenset[str] = SECRETS,
    others: Iterable[str] = (),
) -> list[str]:
    """The lines that a person gets for a good stack with these changes."""
    values = good()
    for path, value in changes.items():
        spoil(values, path, value)
    try:
        parse(stack, values, secrets, others=others)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []
