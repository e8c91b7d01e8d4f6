"""Whether what a service writes to its log has its secrets in it: logs are read, shipped and kept by many."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

LINES = 500
"""Lines of each container's log that are looked through: what it wrote as it started."""
SHORTEST = 8
"""Characters; a shorter value is found by chance."""

_SECRET = re.compile(r"(?:^|_)(?:SECRETS?|PASSWORD|PASSWD|TOKEN|KEY|CREDENTIALS?|DSN)(?:_|$)")
_PUBLIC = re.compile(r"(?:^|_)(?:PUBLIC|PUBLISHABLE)(?:_|$)")
_PASSWORD = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


def leaks(variables: Mapping[str, str], lines: Sequence[str]) -> list[str]:
    """The variables of which a secret is in `lines`: those that are called one, and passwords in URLs."""
    text = "\n".join(lines)
    return [name for name, value in variables.items() if any(secret in text for secret in _secrets(name, value))]


def _secrets(name: str, value: str) -> list[str]:
    found = _PASSWORD.findall(value) + ([value] if _SECRET.search(name) and not _PUBLIC.search(name) else [])
    return [secret for secret in found if len(secret) >= SHORTEST]
