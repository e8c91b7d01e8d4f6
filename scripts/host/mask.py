"""Secrets out of everything that is shown or kept: each value of `.env` is a secret here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

SHORTEST = 6
"""Characters; shorter values (`False`, `5432`) are no secrets and would mask half of a log."""
MASK = "***"

_CREDENTIALS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:([^/\s]+)@")


class Masker:
    """Replaces secret values in lines. Knows them as written, percent-encoded, and the passwords inside URLs."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on."""
        for value in values:
            for line in value.splitlines():  # a log shows a key file line by line
                self._add(line.strip())
            for password in _CREDENTIALS.findall(value):
                self._add(password)
        ordered = sorted(self._secrets, key=len, reverse=True)  # a secret inside another must not be cut out first
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def _add(self, secret: str) -> None:
        for form in (secret, quote(secret, safe=""), unquote(secret), secret.replace("\\", "\\\\")):
            if len(form) >= SHORTEST:
                self._secrets.add(form)

    def __call__(self, text: str) -> str:
        """`text` without any secret; passwords in URLs go whatever their value is."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return _CREDENTIALS.sub(lambda match: match[0].replace(f":{match[1]}@", f":{MASK}@"), text)
