"""Secrets that a rehearsal makes up in an operator's place."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.workspace import secrets_named_in


def value(name: str, product: Mapping[str, Any], database: Callable[[str], str] | None) -> str:
    """A value for a secret that the product names: a database's URL where it is one, else something random.

    `database` makes a PostgreSQL database outside of the cloud, for the product's name, and gives its URL.
    """
    for service in (product.get("backing") or {}).values():
        if service.get("provider") == "external" and secrets_named_in(service.get("url")) == {name}:
            if service.get("engine") == "postgres" and database is not None:
                return database(product["name"])
            return f"{service['engine']}://user:{secrets.token_urlsafe(16)}@backing.example.com/name"
    if name.endswith("_DSN"):
        return f"https://{secrets.token_hex(16)}@errors.example.com/1"
    return secrets.token_urlsafe(32)
