"""FamilyFlow as its stack file says it, with readable words where secrets would be, and ways to change it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hostfiles import droplet_pm2, environment
from hostfiles.manifest import Manifest
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings
from settings.variables import Generated

ROOT = Path(__file__).parents[2]
_FILE = stackfile.read(ROOT / "Pulumi.familyflow.yaml")
BUCKET = ("bucket", "endpoint", "region", "access_key", "secret_key")


def stack(product: dict[str, Any] | None = None, **blocks: Any) -> Settings:
    """The shipped FamilyFlow with these keys of the product, and these of other blocks, in place of its own."""
    values = copy.deepcopy(dict(_FILE.values))
    values["product"] |= product or {}
    for name, block in blocks.items():
        values[name] = {**values.get(name, {}), **block}
    return parse("familyflow", values, _FILE.secrets | named_secrets(values))


def named_secrets(value: Any) -> frozenset[str]:
    """The names of all secrets that the values ask for: here, each of them is set."""
    if isinstance(value, dict):
        own = {value["secret"]} if set(value) == {"secret"} else set()
        return frozenset(own).union(*(named_secrets(inner) for inner in value.values()))
    if isinstance(value, list):
        return frozenset().union(*(named_secrets(inner) for inner in value))
    return frozenset()


Words = tuple[dict[str, str], dict[str, str], dict[str, dict[str, str]], dict[str, str]]


def words(settings: Settings) -> Words:
    """(secrets, generated, facts of what the cloud provides, passwords): words that say what they stand for."""
    product = settings.product
    secrets = {name: f"<secret {name}>" for _, name in product.secret_references()}
    generated = {
        variable: f"<generated {variable}>"
        for variable, value in product.environment.items()
        if isinstance(value, Generated)
    }
    facts = {
        name: {field: f"<{field} of {name}>" for field in BUCKET}
        for name, backing in product.backing.items()
        if backing.engine == "object-storage" and backing.provider == "managed"
    }
    passwords = {name: f"password-of-{name}" for name, backing in product.backing.items() if backing.provider == "host"}
    return secrets, generated, facts, passwords


def variables(settings: Settings) -> dict[str, str]:
    """The environment of a stack, in those words."""
    secrets, generated, facts, passwords = words(settings)
    return environment.resolve(
        settings, secrets, generated, {**facts, **droplet_pm2.backing_facts(settings, passwords)}
    )


def manifest(settings: Settings) -> Manifest:
    """The manifest of a stack, in those words."""
    return droplet_pm2.manifest(settings, variables(settings), words(settings)[3])


def content(made: Manifest, path: str) -> str:
    """The text of one file of a manifest."""
    [found] = [file.content for file in made.files if file.path == path]
    return found


def raw(key: str) -> dict[str, Any]:
    """What the shipped stack file says below `product.<key>`, to be changed at will."""
    return copy.deepcopy(dict(_FILE.values["product"][key]))
