"""The way through the models of a stack file: which annotation a key path leads to, and what it expects in words."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any

import annotated_types
from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from settings.quantity import Quantity
from settings.values import Text
from settings.variables import FORMS

Part = int | str


@functools.cache
def types_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """The annotation of each field of a model together with its constraints."""
    return {name: _type_of(field) for name, field in model.model_fields.items()}


def _type_of(field: FieldInfo) -> Any:
    facts = [*field.metadata, *([Field(discriminator=field.discriminator)] if field.discriminator else [])]
    return Annotated[field.annotation, *facts] if facts else field.annotation


def members(where: Any) -> list[Any]:
    """The types that `where` may be, without wrappers."""
    if typing.get_origin(where) is Annotated:
        return members(typing.get_args(where)[0])
    if typing.get_origin(where) in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(where) for inner in members(member)]
    return [where]


def is_model(where: Any) -> bool:
    """Whether `where` is a block with keys of its own."""
    return isinstance(where, type) and issubclass(where, BaseModel)


def model_of(where: Any) -> type[BaseModel] | None:
    """The one model that `where` may be."""
    models = [member for member in members(where) if is_model(member)]
    return models[0] if len(models) == 1 else None


def keys(where: Any) -> dict[str, FieldInfo]:
    """The keys of the block at `where`, as a person writes them."""
    model = model_of(where)
    return {field.alias or name: field for name, field in model.model_fields.items()} if model else {}


def step(where: Any, part: Part) -> Any:
    """The annotation of what `part` leads to in `where`, or None."""
    model = model_of(where)
    if model is not None:
        names = {field.alias or name: name for name, field in model.model_fields.items()}
        return types_of(model).get(names.get(str(part), ""))
    for member in members(where):
        arguments = typing.get_args(member)
        if typing.get_origin(member) is dict and isinstance(part, str):
            return arguments[1]
        if typing.get_origin(member) is tuple and isinstance(part, int):
            return arguments[0]
    return None


def tagged(where: Any) -> dict[str, Any]:
    """The members of a tagged union by their tag: an engine's or a provider's name, or a variable's form."""
    found: dict[str, Any] = {}
    tag = tag_key(where)
    for member in members(where):
        if member is str:
            found["text"] = member
        elif is_model(member):
            named = member.model_fields.get(tag) if tag else None
            tags = typing.get_args(named.annotation) if named else tuple(keys(member))[:1]
            found |= dict.fromkeys(tags, member)
    return found


def tag_key(where: Any) -> str | None:
    """The key by which a union of models is told apart."""
    facts = [fact for fact in _metadata(where) if isinstance(fact, FieldInfo)]
    return next((fact.discriminator for fact in facts if isinstance(fact.discriminator, str)), None)


def expected(where: Any) -> str:
    """What would be right at `where`, in words."""
    for fact in _metadata(where):
        if isinstance(fact, Text | Quantity):
            return fact.expected
    choices = [member for member in members(where) if member is not type(None)]
    if len(choices) > 1:
        return (
            FORMS if str in choices else f"a mapping with `{tag_key(where)}`, one of {', '.join(sorted(tagged(where)))}"
        )
    return _expected_one(choices[0], _bounds(where))


def _expected_one(member: Any, bounds: str) -> str:
    if typing.get_origin(member) is typing.Literal:
        words = [str(word) for word in typing.get_args(member)]
        return f"one of {', '.join(words)}" if len(words) > 1 else words[0]
    if typing.get_origin(member) is tuple:
        return f"a list, each {expected(typing.get_args(member)[0])}"
    if is_model(member):
        required = [key for key, field in keys(member).items() if field.is_required()]
        return f"a mapping with {', '.join(required)}" if required else f"a mapping of {', '.join(keys(member))}"
    words_of: Mapping[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words_of.get(member, "a mapping") + bounds


def _metadata(where: Any) -> list[Any]:
    """The constraints on `where`, those on the one type inside an optional one included."""
    if typing.get_origin(where) is Annotated:
        inner, *facts = typing.get_args(where)
        return [*facts, *_metadata(inner)]
    if typing.get_origin(where) in (typing.Union, types.UnionType):
        inside = [member for member in typing.get_args(where) if member is not type(None)]
        return _metadata(inside[0]) if len(inside) == 1 else []
    return []


def _bounds(where: Any) -> str:
    facts: list[Any] = []
    for fact in _metadata(where):
        facts += fact.metadata if isinstance(fact, FieldInfo) else [fact]
    words = [f" of at least {fact.ge}" for fact in facts if isinstance(fact, annotated_types.Ge)]
    words += [f" over {fact.gt}" for fact in facts if isinstance(fact, annotated_types.Gt)]
    most = [f"at most {fact.le}" for fact in facts if isinstance(fact, annotated_types.Le)]
    return "".join(words[:1]) + (" and " if words and most else " of " if most else "") + "".join(most[:1])
