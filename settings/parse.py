"""A stack's configuration -> `Settings`, or every mistake in it at once."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from settings import checks, shape
from settings.context import Context
from settings.kinds import KINDS, WITHOUT_HOSTS
from settings.masking import is_secret, shown, what_it_is
from settings.messages import path_of, problems_of
from settings.problems import Problem, SettingsError, Unreadable, nearest
from settings.product import Product
from settings.stack import BLOCKS, REQUIRED_BLOCKS, Access, Alerts, Budget, Certificates, Dns, Settings
from settings.values import Model

NAMESPACE = "slipway"
MODELS: dict[str, type[Model]] = {
    "product": Product,
    "access": Access,
    "dns": Dns,
    "alerts": Alerts,
    "certificates": Certificates,
    "budget": Budget,
}
_DEEPEST = 20
"""No key of a stack file lies deeper; what does is a mistake that would exhaust Python's stack."""
_SHAPES = {
    "architecture": "a mapping with a kind",
    **{block: shape.expected(model) for block, model in MODELS.items()},
}


def parse(
    stack: str,
    values: Mapping[str, Any],
    secrets: frozenset[str],
    *,
    others: Iterable[str] = (),
    require_secrets: bool = True,
) -> Settings:
    """`values` are the blocks by their key without the namespace; `secrets` the names that are set as secrets; `others`
    the keys that are set in plain and are no block. To list the secrets still to be set, ask without `require_secrets`.

    Raises SettingsError with one line for each mistake, wherever in the file it is.
    """
    values = {block: _sorted(raw, {}) for block, raw in values.items()}
    problems = stack_name_problems(stack)
    problems += [
        Problem(f"{NAMESPACE}:{block}", f"is missing, should be {_SHAPES[block]}")
        for block in _required(values)
        if block not in values
    ]
    blocks: dict[str, Model] = {}
    for block, raw in values.items():
        path = f"{NAMESPACE}:{block}"
        misplaced = list(_misplaced(path, raw, set()))
        problems += misplaced
        if block in BLOCKS and not any(problem.path == path for problem in misplaced):
            found, told = _parse_block(block, raw)
            problems += [problem for problem in told if not _is_told(problem, misplaced)]
            blocks[block] = found
    context = Context(stack, values, blocks, secrets, require_secrets)
    problems += [problem for problem in checks.run(context) if not _is_told(problem, problems)]
    problems += _unknown_keys(others, blocks.get("product"), stack)
    if problems:
        raise SettingsError(problems)
    return Settings.model_validate({"stack": stack, "secrets": secrets, **blocks})


def _sorted(raw: Any, made: dict[int, Any]) -> Any:
    """`raw` with its mappings in the order of their keys.

    Pulumi hands them over so, whatever the file says, and what is read from the file has to come out the same.

    `made` is by identity: YAML's aliases can make one value a part of itself, or a billion of a few.
    """
    if id(raw) in made or not isinstance(raw, dict | list):
        return made.get(id(raw), raw)
    made[id(raw)] = raw
    if isinstance(raw, list):
        made[id(raw)] = [_sorted(value, made) for value in raw]
    elif all(isinstance(key, str) for key in raw):
        made[id(raw)] = {key: _sorted(raw[key], made) for key in sorted(raw)}
    return made[id(raw)]


def _required(values: Mapping[str, Any]) -> Iterator[str]:
    """The blocks that there have to be: nobody logs in where the kind has no hosts."""
    architecture = values.get("architecture")
    kind = architecture.get("kind") if isinstance(architecture, Mapping) else None
    without_hosts = isinstance(kind, str) and kind in WITHOUT_HOSTS
    yield from (block for block in REQUIRED_BLOCKS if block != "access" or not without_hosts)


def stack_name_problems(stack: str) -> list[Problem]:
    """What is wrong with a stack's name, if anything is."""
    if re.fullmatch(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?", stack, re.ASCII):
        return []
    return [
        Problem(
            "stack",
            f"{shown(stack)} names resources and hosts, should be lower-case letters, digits and dashes, starting with "
            "a letter, at most 32: rename the file, or `pulumi stack rename`",
        )
    ]


def _is_told(problem: Problem, told: Iterable[Problem]) -> bool:
    """Whether a mistake follows from one that is told already, at the same key or above it."""
    return any(problem.is_below(other.path) for other in told)


def _misplaced(path: str, raw: Any, seen: set[int], depth: int = 0) -> Iterator[Problem]:
    """Secrets inside a block: encrypted, where they lose their mark, or in plain. And what is nested beyond all reason.

    Variables are left out here: `check_variables` knows what to call their secrets. `seen` keeps what was
    visited: YAML's aliases can make one value its own part, or a billion of a few.
    """
    if isinstance(raw, Mapping | list):
        if id(raw) in seen:
            return
        seen.add(id(raw))
    if isinstance(raw, Unreadable):
        yield Problem(path, raw.message)
    elif depth > _DEEPEST:
        yield Problem(path, "is nested too deeply, should be written flat")
    elif isinstance(raw, Mapping) and set(raw) == {"secure"}:
        yield Problem(
            path,
            "holds an encrypted value, which loses its mark inside a block, should be a key of its own: "
            f"`pulumi config set --secret {NAMESPACE}:NAME`, and {{secret: NAME}} here",
        )
    elif isinstance(raw, str) and is_secret(raw) and ".environment." not in path:
        yield Problem(
            path,
            "holds a secret in plain, should name it: take it out, make a new one, "
            f"`pulumi config set --secret {NAMESPACE}:NAME`, and {{secret: NAME}} where a secret may be named",
        )
    elif isinstance(raw, Mapping):
        for key, value in raw.items():
            yield from _misplaced(path_of(path, [str(key)]), value, seen, depth + 1)
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from _misplaced(f"{path}[{index}]", value, seen, depth + 1)


def _parse_block(block: str, raw: Any) -> tuple[Model, list[Problem]]:
    """A block, or as much of it as is right, and what is wrong with it."""
    path = f"{NAMESPACE}:{block}"
    if block == "architecture" and not (isinstance(raw, Mapping) and raw.get("kind") in tuple(KINDS)):
        return Model(), [_no_kind(raw, path)]
    model = KINDS[raw["kind"]] if block == "architecture" else MODELS[block]
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return _what_is_right(model, raw), problems_of(error, path, model)


def _no_kind(raw: Any, path: str) -> Problem:
    if not isinstance(raw, Mapping):
        return Problem(path, f"is {what_it_is(raw)}, should be a mapping with a kind")
    kind = raw.get("kind")
    if kind is None:
        return Problem(f"{path}.kind", f"is missing, should be one of {', '.join(KINDS)}")
    hint = nearest(kind, KINDS) if isinstance(kind, str) else f"known here: {', '.join(KINDS)}"
    return Problem(f"{path}.kind", f"there is no kind {shown(kind)}; {hint}")


def _what_is_right(model: type[Model], raw: Any) -> Model:
    """The block's valid parts, so that the checks across keys can still speak of them. Never leaves this package."""
    parts: dict[str, Any] = {}
    said: set[str] = set()
    for name, field in model.model_fields.items():
        default = _nothing(field) if field.is_required() else field.get_default(call_default_factory=True)
        given = raw.get(field.alias or name) if isinstance(raw, Mapping) else None
        parts[name] = default if given is None else _valid_part(shape.types_of(model)[name], given, default)
        said |= set() if given is None else {name}
    return model.model_construct(said, **parts)


def _nothing(field: FieldInfo) -> Any:
    """What stands for a required value that is missing or wrong."""
    origin = typing.get_origin(field.annotation)
    return origin() if origin in (dict, tuple) else None


def _valid_part(annotation: Any, raw: Any, default: Any) -> Any:
    if _is(annotation, raw):
        return _adapter(annotation).validate_python(raw)
    bare = next((member for member in shape.members(annotation) if member is not type(None)), None)
    arguments = typing.get_args(bare)
    if shape.is_model(annotation):
        return _what_is_right(annotation, raw)
    if typing.get_origin(bare) is dict:
        named = {key: value for key, value in raw.items() if _is(arguments[0], key)} if isinstance(raw, Mapping) else {}
        parts = {key: _valid_part(arguments[1], value, None) for key, value in named.items()}
        return {key: part for key, part in parts.items() if part is not None}
    if typing.get_origin(bare) is tuple:
        found = [_valid_part(arguments[0], value, None) for value in raw] if isinstance(raw, list) else []
        return tuple(part for part in found if part is not None)
    return default


def _is(annotation: Any, raw: Any) -> bool:
    try:
        _adapter(annotation).validate_python(raw)
    except ValidationError:
        return False
    return True


_ADAPTERS: dict[int, tuple[Any, TypeAdapter[Any]]] = {}
"""By the annotation's identity: not every annotation can be hashed. Making an adapter takes longer than using it."""


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    if id(annotation) not in _ADAPTERS:
        _ADAPTERS[id(annotation)] = annotation, TypeAdapter(annotation)
    return _ADAPTERS[id(annotation)][1]


def _unknown_keys(others: Iterable[str], product: Model | None, stack: str) -> list[Problem]:
    named = {name for _, name in product.secret_references()} if isinstance(product, Product) else set()
    return [_unknown_key(key, named, stack) for key in others]


def _unknown_key(key: str, named: set[str], stack: str) -> Problem:
    path = f"{NAMESPACE}:{path_of('', [key]).removeprefix('.')}"
    if key in named:
        set_it = f"`pulumi config set --secret {NAMESPACE}:{key} -s {stack}`"
        return Problem(path, f"is a secret in plain, should be encrypted: take it out, make a new one, {set_it}")
    return Problem(path, f"unknown key; {nearest(key, [*BLOCKS, *named])}")
