"""Credentials of the clouds: their providers read them from the same file, under their own names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from settings.masking import is_secret, shown
from settings.problems import Problem

_CREDENTIAL = re.compile(r"token|secret|passw|credential|private|api_?key|user_?service_?key|access_?(?:key|id)|^key$")
_PUBLIC = re.compile(r"public|url$|endpoint$|file$|path$")


def in_plain(config: Mapping[Any, Any], stack: str, ours: str) -> list[Problem]:
    """Each credential of another program's (such as digitalocean:token) that stands in `config` unencrypted.

    Their values are never repeated. Keys of our own namespace `ours` are looked at elsewhere.
    """
    return [
        Problem(
            _word(key),
            "is a credential in plain, should be encrypted: take it out, make a new one, "
            f"`pulumi config set --secret {_word(key)} -s {stack}`",
        )
        for key, value in config.items()
        if isinstance(key, str) and ":" in key and not key.startswith(f"{ours}:") and _is_credential(key, value)
    ]


def _is_credential(key: str, value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return not (isinstance(value, Mapping) and set(value) == {"secure"}) and _holds_secret(value, set())
    if value is None or value == "" or isinstance(value, bool):
        return False
    name = key.rpartition(":")[2].lower()
    by_name = bool(_CREDENTIAL.search(name)) and not _PUBLIC.search(name)
    return by_name or is_secret(str(value))


def _holds_secret(value: Any, seen: set[int]) -> bool:
    if isinstance(value, str):
        return is_secret(value)
    if not isinstance(value, Mapping | list) or id(value) in seen:
        return False
    seen.add(id(value))
    inner = value.values() if isinstance(value, Mapping) else value
    return any(_holds_secret(part, seen) for part in inner)


def _word(key: str) -> str:
    """The key, where it is made of words; a secret may have slipped into it."""
    return key if re.fullmatch(r"[a-z-]{1,32}:[A-Za-z]{1,32}", key) and not is_secret(key) else shown(key)
