"""What pydantic finds, in a person's words: key path first, what is wrong, what would be right."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from settings import shape
from settings.masking import shown, what_it_is
from settings.problems import Problem, nearest
from settings.variables import FORM_OF

_PLAIN_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,63}|[a-z][a-z0-9_-]{0,31}|/[\w./~-]{0,63}", re.ASCII)
_BOUNDS = ("greater_than_equal", "less_than_equal", "greater_than", "less_than", "finite_number", "literal_error")


def problems_of(error: ValidationError, path: str, model: Any) -> list[Problem]:
    """The mistakes that pydantic found below `path`, one for each key."""
    return [
        _problem(detail, path, model)
        for detail in error.errors(include_url=False, include_context=True)
        if not (detail["type"] == "too_short" and detail["input"])  # its items were wrong, and are told one by one
    ]


def path_of(prefix: str, parts: Sequence[shape.Part]) -> str:
    """A key path as a person writes it. What is no plain key is quoted, and hidden where it may be a secret."""
    text = prefix
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part if _PLAIN_KEY.fullmatch(part) else shown(part)}"
    return text


def _problem(detail: Mapping[str, Any], prefix: str, model: Any) -> Problem:
    kind, given = detail["type"], detail["input"]
    loc = detail["loc"]
    is_name = loc[-1:] == ("[key]",) and kind != "extra_forbidden"  # pydantic's mark for the name before it
    parts, where, parent = _walk(loc[:-1] if is_name else loc, model)
    if is_name and kind == "string_type":
        return Problem(path_of(prefix, parts[:-1]), _name_that_is_no_text(given, parent))
    if kind == "extra_forbidden":
        return _unknown_key(prefix, parts, parent)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag(path_of(prefix, [*parts, str(shape.tag_key(where))]), given, where)
    if kind == "too_short":
        message = f"is empty, should be {shape.expected(where)}: at least one"
    elif kind == "missing":
        message = f"is missing, should be {shape.expected(where)}"
    elif kind in _BOUNDS:
        message = f"is {shown(given)}, should be {shape.expected(where)}{_quotes(kind, given, where)}"
    elif kind in ("value_error", "form"):
        message = str(detail["msg"]).removeprefix("Value error, ")
    elif kind == "invalid_key":
        return Problem(path_of(prefix, parts[:-1]), "has a key that is no text, should be in quotes")
    elif kind == "recursion_loop":
        message = "contains itself, should be written out"
    else:
        message = f"is {what_it_is(given)}, should be {shape.expected(where)}{_quotes(kind, given, where)}"
    return Problem(path_of(prefix, parts), message)


def _name_that_is_no_text(given: Any, parent: Any) -> str:
    """YAML reads 1, yes and NO as numbers and truths, and a mapping's names too."""
    mapping = next((member for member in shape.members(parent) if typing.get_origin(member) is dict), None)
    right = shape.expected(typing.get_args(mapping)[0]) if mapping else "text"
    return f"has a name that is {what_it_is(given)}, should be {right}, in quotes where YAML takes it for another thing"


def _quotes(kind: str, given: Any, where: Any) -> str:
    """YAML takes 7 for a number and off for false where text is right."""
    words = [word for member in shape.members(where) for word in typing.get_args(member)]
    is_word = kind == "literal_error" and isinstance(given, bool) and any(isinstance(word, str) for word in words)
    return ", in quotes" if is_word or (kind == "string_type" and isinstance(given, int | float)) else ""


def _unknown_key(prefix: str, parts: list[shape.Part], parent: Any) -> Problem:
    known = shape.keys(parent)
    if parent in FORM_OF:  # a secret may have slipped into a key: not repeated, unless it is a form's own word
        word, form = str(parts[-1]), FORM_OF[parent]
        if word in FORM_OF.values():
            message = f"says both `{form}` and `{word}`, should be one of them"
        elif word == "field":
            message = f"says `field`, which goes with `from`, beside `{form}`: leave it out"
        else:
            message = f"has an unknown key; known here: {', '.join(known)}"
        return Problem(path_of(prefix, parts[:-1]), message)
    return Problem(path_of(prefix, parts), f"unknown key; {nearest(str(parts[-1]), known)}")


def _tag(path: str, given: Any, where: Any) -> Problem:
    """What tells the members of a union apart, an engine or a provider, is missing or unknown."""
    known, key = shape.tagged(where), shape.tag_key(where)
    if not isinstance(given, Mapping) or given.get(key) is None:
        return Problem(path, f"is missing, should be one of {', '.join(sorted(known))}")
    tag = given[key]
    hint = nearest(tag, known) if isinstance(tag, str) else f"known here: {', '.join(sorted(known))}"
    return Problem(path, f"there is no {key} {shown(tag)}; {hint}")


def _walk(loc: tuple[shape.Part, ...], model: Any) -> tuple[list[shape.Part], Any, Any]:
    """(the path without pydantic's additions, what is expected there, what is expected one step above).

    pydantic puts the tag of a union ("postgres", "text") into its path; a person's path has none.
    """
    parts: list[shape.Part] = []
    where, parent = model, None
    for part in loc:
        following = shape.step(where, part)
        tags = shape.tagged(where) if len(shape.members(where)) > 1 else {}
        if following is None and part in tags:
            where = tags[str(part)]
            continue
        parts.append(part if any(typing.get_origin(member) is tuple for member in shape.members(where)) else str(part))
        where, parent = following, where
    return parts, where, parent if parent is None else shape.model_of(parent) or parent
