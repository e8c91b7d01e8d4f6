"""The JSON Schemas of a stack file, for editors: `python -m settings.schema > docs/stack.schema.json`, and with `like`
behind it that of a file which says only what differs (`settings.like`).

It knows what one value may be. What takes two keys to see, only `settings.parse` knows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from settings.kinds import KINDS, WITHOUT_HOSTS
from settings.like import LIKE
from settings.parse import MODELS, NAMESPACE
from settings.quantity import DURATION, MEMORY, Quantity
from settings.stack import REQUIRED_BLOCKS
from settings.values import Model

_SECURE = {
    "type": "object",
    "description": "set by `pulumi config set --secret`",
    "properties": {"secure": {"type": "string", "minLength": 1}},
    "required": ["secure"],
    "additionalProperties": False,
}

_OF_A_KIND_WITHOUT_HOSTS = {
    "properties": {
        f"{NAMESPACE}:architecture": {"properties": {"kind": {"enum": sorted(WITHOUT_HOSTS)}}, "required": ["kind"]}
    },
    "required": [f"{NAMESPACE}:architecture"],
}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a whole stack file."""
    models: list[type[Model]] = [*MODELS.values(), *KINDS.values()]
    references, made = models_json_schema([(model, "validation") for model in models], by_alias=True)
    by_model = {model: reference for (model, _), reference in references.items()}
    blocks = {f"{NAMESPACE}:{block}": by_model[model] for block, model in MODELS.items()}
    blocks[f"{NAMESPACE}:architecture"] = {"oneOf": [by_model[model] for model in KINDS.values()]}
    for block in made["$defs"].values():
        _tidy(block)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Slipway stack file",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": blocks,
                "patternProperties": {
                    f"^{NAMESPACE}:[A-Z][A-Z0-9_]*$": {"$ref": "#/$defs/_Secret"},
                    f"^(?!{NAMESPACE}:)[A-Za-z0-9-]+:": {"description": "another program's or a provider's"},
                },
                "required": [f"{NAMESPACE}:{block}" for block in REQUIRED_BLOCKS if block != "access"],
                "if": _OF_A_KIND_WITHOUT_HOSTS,
                "else": {"required": [f"{NAMESPACE}:access"]},
                "additionalProperties": False,
            },
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "encryptionsalt": {"type": "string"},
            "environment": {"type": ["array", "object"]},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": {"_Secret": _SECURE, **made["$defs"]},
    }


def partial() -> dict[str, Any]:
    """The JSON Schema of a stack file that is like another: nothing has to be there, and null takes a key out."""
    made = schema()
    for name, block in made["$defs"].items():
        if name != "_Secret":
            _loosen(block)
    config = made["properties"]["config"]
    like = {"type": "string", "description": "the stack whose file says the rest"}
    config["properties"] = {f"{NAMESPACE}:{LIKE}": like, **config["properties"]}
    config["required"] = [f"{NAMESPACE}:{LIKE}"]
    for key in ("if", "else"):
        del config[key]
    for node in _nodes(config["properties"]):
        _choose_any(node)
    return {**made, "title": "A Slipway stack file that is like another"}


def _loosen(block: dict[str, Any]) -> None:
    """No key has to be there; each may be null; of several models, any may be meant."""
    for node in _nodes(block):
        node.pop("required", None)
        _choose_any(node)
    for key, value in block.get("properties", {}).items():
        block["properties"][key] = {"anyOf": [value, {"type": "null"}]}


def _choose_any(node: dict[str, Any]) -> None:
    node.pop("discriminator", None)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")


def _tidy(block: dict[str, Any]) -> None:
    """What pydantic leaves out, and what it writes in the program's units: closed mappings, defaults as written."""
    if "description" in block:
        block["description"] = " ".join(block["description"].split())
    for node in _nodes(block):
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        quantity = _quantity(node)
        if quantity is not None and isinstance(node.get("default"), int):
            node["default"] = quantity.write(node["default"])
        node.pop("title", None)


def _quantity(node: dict[str, Any]) -> Quantity | None:
    return next((known for known in (MEMORY, DURATION) if node.get("pattern") == f"^{known.pattern}$"), None)


def _nodes(where: Any) -> Iterator[dict[str, Any]]:
    if isinstance(where, dict):
        yield where
    for inside in where.values() if isinstance(where, dict) else where if isinstance(where, list) else ():
        yield from _nodes(inside)


def text(whole: bool = True) -> str:
    """The schema as it lies in docs/stack.schema.json, or in docs/stack-like.schema.json."""
    return json.dumps(schema() if whole else partial(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(whole=sys.argv[1:] != [LIKE]))
