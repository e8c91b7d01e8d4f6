"""How a host reaches each database to dump it before a migration: for the engine's own tools, in files of root's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostfiles import environment
from hostfiles.environment import Facts
from hostfiles.manifest import File
from settings.backing import MongoDB, Postgres, engine_image
from settings.product import Product

_FIELDS = ("host", "port", "user", "password", "database")


def described(product: Product) -> list[dict[str, Any]]:
    """What release.json says of each database. An external one whose URL nobody gives can't be dumped."""
    return [
        {
            "name": name,
            "engine": backing.engine,
            "image": engine_image(backing),
            "env_file": _path(product, name, backing),
        }
        for name, backing in _databases(product)
    ]


def files(product: Product, facts: Facts) -> list[File]:
    """What the tools are told: pg_dump by its environment, mongodump by its configuration."""
    return [
        File(_path(product, name, backing), _told(backing, facts.get(name, {})), "0600")
        for name, backing in _databases(product)
    ]


def _databases(product: Product) -> Iterator[tuple[str, Postgres | MongoDB]]:
    for name, backing in product.backing.items():
        if isinstance(backing, Postgres | MongoDB) and (backing.provider != "external" or backing.url is not None):
            yield name, backing


def _path(product: Product, name: str, backing: Postgres | MongoDB) -> str:
    return f"/opt/{product.name}/env/dump-{name}.{'env' if isinstance(backing, Postgres) else 'yaml'}"


def _told(backing: Postgres | MongoDB, facts: Mapping[str, str]) -> str:
    url = facts.get("url", "")
    if isinstance(backing, MongoDB):
        return f"uri: {json.dumps(url)}\n"
    variables = {
        f"PG{field.upper()}": facts.get(field, "") for field in ("host", "port", "user", "password", "database")
    }
    variables["PGSSLMODE"] = _sslmode(url)
    return environment.docker_env_file(variables)


def _sslmode(url: str) -> str:
    """As the URL says. libpq's own default is TLS where the server has it."""
    try:
        return parse_qs(urlsplit(url).query).get("sslmode", ["prefer"])[-1]
    except ValueError:
        return "prefer"
