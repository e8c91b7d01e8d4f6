"""What a stack file may say, as a page for people: `python -m settings.reference > docs/stack-file.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from settings.kinds import KINDS
from settings.parse import MODELS, NAMESPACE
from settings.schema import schema
from settings.stack import BLOCKS

_HEAD = """# What a stack file may say

A stack file is `Pulumi.<stack>.yaml`. Below `config:` it has one key for each block, and one for each secret:
`slipway:SENTRY_DSN` is set by `pulumi config set --secret slipway:SENTRY_DSN -s <stack>`, which asks for the value.
Blocks can't hold secrets: they name them. [`Pulumi.familyflow.yaml`](../Pulumi.familyflow.yaml) is a whole example of
one droplet, [`Pulumi.prod.yaml`](../Pulumi.prod.yaml) of a fleet, and [`stack.schema.json`](stack.schema.json) tells an
editor the same as this page. Both are generated from `settings/`.

A file with `slipway:like: <another stack>` says only what differs: its blocks lie over those of the other's file,
mapping by mapping, and a key that is `null` takes the other's out. Lists are said whole, secrets are set for each
stack, and one that is released by `make release` has a `release` of its own, as
[`Pulumi.signupflow-staging.yaml`](../Pulumi.signupflow-staging.yaml) has. The schema for its editor is
[`stack-like.schema.json`](stack-like.schema.json).

There have to be `slipway:product`, `slipway:architecture`, `slipway:dns` and, where the kind has hosts,
`slipway:access`; the other blocks may be left out. Keys in **bold** have to be there. A duration is written `30s`, `5m`
or `1h`, an amount of memory `512Mi` or `2Gi`, a schedule as five fields of cron in UTC. The value of an environment
variable is text in quotes, `{secret: NAME}`, `{generate: 50}` (made once, that long: 20 to 256) or
`{from: <backing service>, field: url}`; `{from: domain}` is every name of the product.
"""
_ARCHITECTURE = "One of these, chosen by its `kind`.\n"


def reference() -> str:
    """The page, in Markdown."""
    definitions = schema()["$defs"]
    written: set[str] = set()
    parts = [_HEAD]
    for block in BLOCKS:
        parts.append(f"## `{NAMESPACE}:{block}`\n")
        if block == "architecture":
            parts.append(_ARCHITECTURE)
            for kind in KINDS.values():
                parts += _model(kind.__name__, definitions, written, level=3)
        else:
            parts += _model(MODELS[block].__name__, definitions, written)
    return "\n".join(parts)


def _model(name: str, definitions: dict[str, Any], written: set[str], level: int = 2) -> Iterator[str]:
    if name in written:
        return
    written.add(name)
    model = definitions[name]
    if level > 2:
        yield f"{'#' * level} {name}\n"
    yield f"{model.get('description', '').strip()}\n"
    yield "| key | what it is | default |\n|---|---|---|"
    required = set(model.get("required", []))
    for key, field in model.get("properties", {}).items():
        shown = f"**`{key}`**" if key in required else f"`{key}`"
        default = "" if key in required else _default(field.get("default"))
        yield f"| {shown} | {_kind(field)}{_words(field)} | {default} |"
    yield ""
    for inner in _inner(model):
        yield from _model(inner, definitions, written, level=3)


def _kind(field: dict[str, Any]) -> str:
    """The type of a value in a few words."""
    if "$ref" in field:
        return _link(field["$ref"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        kinds = [_kind(choice) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    return _plain(field)


def _plain(field: dict[str, Any]) -> str:
    kind = field.get("type")
    named = [*field.get("patternProperties", {}).values(), field.get("additionalProperties")]
    if kind == "object" and isinstance(named[0], dict):
        return f"by name: {_kind(named[0])}"
    if kind == "array":
        return f"list of {_kind(field.get('items', {}))}"
    words = {"string": "text", "integer": "number", "number": "number", "boolean": "true or false"}
    return words.get(kind, "text") if isinstance(kind, str) else "text"


def _words(field: dict[str, Any]) -> str:
    text = str(field.get("description", "")).replace("|", "\\|").replace("\n", " ")
    return f": {text}" if text else ""


def _default(value: Any) -> str:
    if value is None or value in ({}, [], ""):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return "…" if isinstance(value, dict) else f"`{value}`"


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def _inner(node: Any) -> Iterator[str]:
    """Names of the definitions that a model speaks of, in its order."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from _inner(value)
    elif isinstance(node, list):
        for value in node:
            yield from _inner(value)


if __name__ == "__main__":
    sys.stdout.write(reference())
