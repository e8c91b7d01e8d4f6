"""A good stack, and ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from settings import stackfile
from settings.parse import parse
from settings.problems import SettingsError

ROOT = Path(__file__).parents[2]
SECRETS = frozenset({"SUPABASE_DB_URL", "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SENTRY_DSN"})
"""What the shipped FamilyFlow stack names as secrets."""
SECRETS_OF = {
    "familyflow": SECRETS,
    "devora-vps": frozenset({"REGISTRY_TOKEN"}),
    "devora-fleet": frozenset({"REGISTRY_TOKEN"}),
    "prod": frozenset({"GHCR_PAT", "SUPABASE_SECRET"}),
    "staging": frozenset({"GHCR_PAT", "SUPABASE_SECRET"}),
    "signupflow": frozenset({"GHCR_TOKEN", "SENTRY_DSN", "BACKUP_ENCRYPTION_KEY"}),
    "signupflow-staging": frozenset({"GHCR_TOKEN", "SENTRY_DSN", "BACKUP_ENCRYPTION_KEY"}),
}
"""What each shipped stack names as secrets."""
_FILES = {stack: stackfile.read(ROOT / f"Pulumi.{stack}.yaml") for stack in SECRETS_OF}
_SPOILT = {"droplet-compose": "devora-vps", "fleet-compose": "prod", "app-platform": "signupflow"}
"""The stack that the mistakes of a file change, where it is not FamilyFlow's."""
MISTAKES: list[dict[str, Any]] = [
    {**case, "stack": _SPOILT.get(file.stem, "familyflow")}
    for file in sorted((ROOT / "tests" / "fixtures" / "mistakes").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text())
]
"""Each mistake: what it changes of which good stack, and what a person reads."""


class Missing:
    """The value of a key that is taken out."""


def good(stack: str = "familyflow") -> dict[str, Any]:
    """The blocks of a shipped stack, to be changed at will."""
    return copy.deepcopy(dict(_FILES[stack].values))


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
    secrets: frozenset[str] | None = None,
    others: Iterable[str] = (),
) -> list[str]:
    """The lines that a person gets for a good stack with these changes: the shipped one, or FamilyFlow's renamed."""
    values = good(stack if stack in _FILES else "familyflow")
    secrets = SECRETS_OF.get(stack, SECRETS) if secrets is None else secrets
    for path, value in changes.items():
        spoil(values, path, value)
    try:
        parse(stack, values, secrets, others=others)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []
