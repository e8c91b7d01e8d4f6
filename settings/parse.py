"""A stack's configuration -> `Settings`, or every mistake in it at once."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from settings import checks
from settings.kinds import KINDS
from settings.problems import Problem, SettingsError, nearest, problems_of
from settings.product import Product
from settings.stack import BLOCKS, REQUIRED_BLOCKS, Access, Alerts, Budget, Certificates, Dns, Settings
from settings.values import Model

NAMESPACE = "slipway"
_MODELS: dict[str, type[Model]] = {
    "product": Product, "access": Access, "dns": Dns, "alerts": Alerts, "certificates": Certificates, "budget": Budget,
}


def parse(stack: str, values: Mapping[str, Any], secrets: frozenset[str], *, others: typing.Iterable[str] = ()) -> Settings:
    """`values` are the blocks by their key without the namespace; `secrets` the names that are set as secrets; `others` the
    keys that are set in plain and are no block.

    Raises SettingsError with one line for each mistake, wherever in the file it is.
    """
    problems: list[Problem] = []
    blocks: dict[str, Model] = {}
    for block in REQUIRED_BLOCKS:
        if block not in values:
            problems.append(Problem(f"{NAMESPACE}:{block}", "is missing"))
    for block, raw in values.items():
        if block in _MODELS or block == "architecture":
            blocks[block] = _parse_block(block, raw, problems)
    context = checks.Context(stack=stack, raw=values, blocks=blocks, secrets=secrets)
    problems += checks.run(context)
    problems += _unknown_keys(others, blocks.get("product"))
    if problems:
        raise SettingsError(problems)
    return Settings.model_construct(stack=stack, secrets=secrets, **_with_defaults(blocks))


def _parse_block(block: str, raw: Any, problems: list[Problem]) -> Model:
    path = f"{NAMESPACE}:{block}"
    model = _kind_of(raw, path, problems) if block == "architecture" else _MODELS[block]
    if model is None:
        return Model()
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems += problems_of(error, path, model)
        return _what_is_right(model, raw)


def _kind_of(raw: Any, path: str, problems: list[Problem]) -> type[Model] | None:
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    if isinstance(raw, Mapping):
        message = f"there is no kind {kind!r}; {nearest(str(kind), KINDS)}" if kind is not None else f"is missing; one of {', '.join(KINDS)}"
        problems.append(Problem(f"{path}.kind", message))
    else:
        problems.append(Problem(path, "should be a mapping with a kind, a region and a size"))
    return None


def _what_is_right(model: type[Model], raw: Any) -> Model:
    """The block's valid parts, so that the checks across keys can still speak of them. Never leaves this package."""
    parts: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        given = raw.get(key) if isinstance(raw, Mapping) else None
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        parts[name] = default if given is None else _valid_part(annotation, field.annotation, given, default)
    return model.model_construct(**parts)


def _valid_part(annotation: Any, bare: Any, raw: Any, default: Any) -> Any:
    try:
        return TypeAdapter(annotation).validate_python(raw)
    except ValidationError:
        pass
    arguments = typing.get_args(bare)
    if isinstance(bare, type) and issubclass(bare, Model) and isinstance(raw, Mapping):
        return _what_is_right(bare, raw)
    if typing.get_origin(bare) is dict and isinstance(raw, Mapping):
        return {key: part for key, value in raw.items() if (part := _valid_part(arguments[1], arguments[1], value, None)) is not None}
    if typing.get_origin(bare) is tuple and isinstance(raw, list):
        parts = [_valid_part(arguments[0], arguments[0], value, None) for value in raw]
        is_block = isinstance(arguments[0], type) and issubclass(arguments[0], Model)
        return tuple(part for part in parts if is_block or part is not None)  # blocks keep their index for the messages
    return default


def _unknown_keys(keys: typing.Iterable[str], product: BaseModel | None) -> list[Problem]:
    named = {name for _, name in product.secret_references()} if isinstance(product, Product) and product.services else set()
    return [
        Problem(f"{NAMESPACE}:{key}", f"is a secret in plain: take it out, then `pulumi config set --secret {NAMESPACE}:{key}`")
        if key in named
        else Problem(f"{NAMESPACE}:{key}", f"unknown key; {nearest(key, [*BLOCKS, *named])}")
        for key in keys
    ]


def _with_defaults(blocks: Mapping[str, Model]) -> dict[str, Model]:
    defaults: dict[str, Callable[[], Model]] = {"alerts": Alerts, "certificates": Certificates}
    return {**{name: make() for name, make in defaults.items()}, **blocks}
