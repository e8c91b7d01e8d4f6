"""What is wrong with a stack file: one line for each mistake, with its key path, all at once."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError

_TYPES = {
    "string_type": "text", "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "bool_type": "true or false", "bool_parsing": "true or false", "float_type": "a number", "float_parsing": "a number",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping", "tuple_type": "a list", "list_type": "a list",
}
_BOUNDS = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "more than", "less_than": "less than"}
_YAML_NAMES = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "list": "a list", "dict": "a mapping",
               "NoneType": "nothing"}


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: where it is, and what would be right. Never holds the value of something that may be secret."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class SettingsError(Exception):
    """A stack file with mistakes. Its text is one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def problems_of(error: ValidationError, path: str, model: type[BaseModel]) -> list[Problem]:
    """The mistakes that pydantic found below `path`, in a person's words."""
    return [
        Problem(_path(path, detail["loc"], model), _message(detail, model))
        for detail in error.errors(include_url=False)
        if not (detail["type"] == "too_short" and detail["input"])  # its items were wrong, and are told one by one
    ]


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """A hint at the known word that was probably meant, or the list of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(choices)}"


def _path(prefix: str, loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    text = prefix
    for part in _without_tags(loc, model):
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text


def _without_tags(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[int | str]:
    """pydantic puts the tag of a union ("postgres", "text") and "[key]" into its path; a person's path has neither."""
    parts: list[int | str] = []
    where: Any = model
    for part in loc:
        if part == "[key]":
            continue
        following = _step(where, part)
        if following is None and part in _tags(where):
            where = _tags(where)[part]
            continue
        parts.append(part)
        where = following
    return parts


def _message(detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    loc = detail["loc"]
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(str(loc[-1]), _keys_at(model, loc[:-1]))}"
    if kind == "missing":
        return "is missing"
    if kind in _TYPES:
        return f"is {_YAML_NAMES.get(type(detail['input']).__name__, 'something else')}, should be {_TYPES[kind]}"
    if kind == "literal_error":
        return f"is none of {context['expected'].replace(' or ', ', ')}"
    if kind == "union_tag_invalid":
        return f"there is no {context['discriminator'].strip(chr(39))} {context['tag']!r}; {nearest(context['tag'], context['expected_tags'].replace(chr(39), '').split(', '))}"
    if kind == "union_tag_not_found":
        return f"says no {context['discriminator'].strip(chr(39))}"
    if kind == "too_short":
        return "is empty: needs at least one"
    for bound, words in _BOUNDS.items():
        if kind == bound:
            return f"is {detail['input']}, should be {words} {next(iter(context.values()))}"
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    where: Any = model
    for part in loc:
        where = _step(where, part) or _tags(where).get(part)
    found = _model(where)
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _step(where: Any, part: int | str) -> Any:
    """The annotation of what `part` leads to in `where`, or None."""
    found = _model(where)
    if found is not None:
        fields = {**found.model_fields, **{field.alias: field for field in found.model_fields.values() if field.alias}}
        return fields[str(part)].annotation if str(part) in fields else None
    for member in _members(where):
        arguments = typing.get_args(member)
        if typing.get_origin(member) is dict and isinstance(part, str):
            return arguments[1]
        if typing.get_origin(member) is tuple and isinstance(part, int):
            return arguments[0]
    return None


def _model(where: Any) -> type[BaseModel] | None:
    models = [member for member in _members(where) if isinstance(member, type) and issubclass(member, BaseModel)]
    return models[0] if len(models) == 1 else None


def _tags(where: Any) -> dict[int | str, Any]:
    """The members of a tagged union by their tag."""
    tags: dict[int | str, Any] = {}
    for member in _members(where):
        if isinstance(member, type) and issubclass(member, BaseModel):
            for field in member.model_fields.values():
                if typing.get_origin(field.annotation) is typing.Literal:
                    tags |= dict.fromkeys(typing.get_args(field.annotation), member)
            names = [field.alias or name for name, field in member.model_fields.items()]
            tags |= dict.fromkeys(names[:1], member)
        elif member is str:
            tags["text"] = member
    return tags


def _members(where: Any) -> list[Any]:
    if typing.get_origin(where) is Annotated:
        return _members(typing.get_args(where)[0])
    if typing.get_origin(where) in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(where) for inner in _members(member)]
    return [where]
