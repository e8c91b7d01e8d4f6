"""Whatever a stack file says, the answer is settings or a list of lines: no traceback, no second line, no secret."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settings import stackfile
from settings.check_variables import looks_secret
from settings.parse import parse
from settings.problems import SettingsError
from tests.settings.stack import ROOT, SECRETS_OF, good

CANARY = "cAn4ry-Zq8R2xT7wB5kM1vN9s"
"""Stands for a secret: whatever shape it is given, no part of it may come back."""

_STACKS = ("familyflow", "devora-vps", "prod")
"""One of each kind."""
_GOOD = good()
_MARKS = "\t\n:{}[]'\"&*!|>-#%@`,? \x00é"
_TEXT = (ROOT / "Pulumi.familyflow.yaml").read_text()


def _places(where: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, value in where.items() if isinstance(where, dict) else enumerate(where) if isinstance(where, list) else ():
        yield from _places(value, (*path, key))


PLACES_OF = {stack: sorted((path for path in _places(good(stack)) if path), key=str) for stack in _STACKS}
PLACES = PLACES_OF["familyflow"]
VARIABLES = sorted(_GOOD["product"]["environment"])

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from([10**400, "", " ", "\n", "\ud800", "é", "0" * 300, "api", "web", "cache", "domain", "../x", "/"]),
    st.sampled_from(
        ["droplet-pm2", "droplet-compose", "fleet-compose", "haproxy", "s-1vcpu-1gb", "db-s-1vcpu-1gb", 50]
    ),
    st.sampled_from(["203.0.113.0/24", "::/0", "* * * * *", "python", "host", "external", "managed", "redis", "30s"]),
)
keys = st.one_of(
    st.text(max_size=10),
    st.integers(),
    st.none(),
    st.booleans(),
    st.sampled_from(["secure", "secret", "from", "generate", "field", "engine", "kind", "port", "role", "__class__"]),
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
secret_shapes = st.sampled_from(
    [
        CANARY,
        [CANARY],
        {CANARY: 1},
        {"secret": CANARY},
        {"secret": [CANARY]},
        {"from": CANARY},
        {"from": "cache", "field": CANARY},
        {"generate": CANARY},
        {"generate": 50, CANARY: 1},
        {"generate": 50, "x": CANARY},
        {"secure": CANARY},
        {"secret": {CANARY: CANARY}},
        f"{CANARY}\n{CANARY}",
        f"postgres://user:{CANARY}@host/db",
        {"value": CANARY},
    ]
)


def _lines(values: dict[str, Any], others: tuple[str, ...] = (), stack: str = "familyflow") -> list[str]:
    try:
        parse(stack, values, SECRETS_OF[stack], others=others)
    except SettingsError as error:
        return _are_lines(error)
    return []


def _are_lines(error: SettingsError) -> list[str]:
    """The lines of an error, which can be printed and are one for each problem."""
    str(error).encode()
    lines = str(error).split("\n")
    assert len(lines) == len(error.problems)
    assert all(line.splitlines() == [line] for line in lines)
    return lines


def _assert_silent(lines: list[str]) -> None:
    for line in lines:
        assert not any(CANARY[start : start + 6] in line for start in range(len(CANARY) - 5)), line


def _change(values: dict[str, Any], path: tuple[Any, ...], action: str, value: Any) -> None:
    where: Any = values
    try:
        for part in path[:-1]:
            where = where[part]
        if action == "set":
            where[path[-1]] = value
        elif action == "drop":
            del where[path[-1]]
        elif action == "rename":
            where[f"{path[-1]}x"] = where.pop(path[-1])
        else:
            where[path[-1]] = [where[path[-1]]]
    except (KeyError, IndexError, TypeError, AttributeError):
        return  # an earlier change took the place away


Changes = list[tuple[tuple[Any, ...], str, Any]]


def _changes(places: list[tuple[Any, ...]]) -> st.SearchStrategy[Changes]:
    return st.lists(
        st.tuples(st.sampled_from(places), st.sampled_from(["set", "drop", "rename", "wrap"]), anything), max_size=6
    )


changes = _changes(PLACES)
few = settings(
    max_examples=int(os.environ.get("EXAMPLES", "200")),
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,  # the same every time, unless somebody looks for more
    database=None,
    suppress_health_check=list(HealthCheck),
)


@few
@given(st.sampled_from(_STACKS).flatmap(lambda stack: st.tuples(st.just(stack), _changes(PLACES_OF[stack]))))
def test_a_spoilt_stack_is_told_in_lines(spoilt: tuple[str, Changes]) -> None:
    stack, changed = spoilt
    values = good(stack)
    for path, action, value in changed:
        _change(values, path, action, copy.deepcopy(value))
    _lines(values, stack=stack)


@few
@given(st.dictionaries(st.sampled_from([*_GOOD, "budget", "certificates"]), anything), st.lists(st.text(max_size=20)))
def test_any_configuration_is_told_in_lines(values: dict[str, Any], others: list[str]) -> None:
    assert _lines(values, tuple(others)), "nothing so short is a whole stack"


@few
@given(st.sampled_from([*VARIABLES, "NEW_SECRET_TOKEN", "DB_PASSWORD"]), secret_shapes, changes)
def test_a_variables_value_is_never_repeated(variable: str, value: Any, spoilt: Changes) -> None:
    values = copy.deepcopy(_GOOD)
    for path, action, other in spoilt:
        _change(values, path, action, copy.deepcopy(other))
    _change(values, ("product", "environment", variable), "set", value)
    _assert_silent(_lines(values))


@pytest.mark.parametrize("stack", _STACKS)
@pytest.mark.parametrize("value", [CANARY, [CANARY], {CANARY: CANARY}], ids=["alone", "in a list", "as a key"])
def test_a_secret_in_any_place_is_never_repeated(value: Any, stack: str) -> None:
    for path in PLACES_OF[stack]:
        values = good(stack)
        _change(values, path, "set", value)
        _assert_silent(_lines(values, stack=stack))


@few
@given(st.lists(st.tuples(st.integers(0, len(_TEXT)), st.integers(0, 12), st.sampled_from([*_MARKS, ""])), max_size=4))
def test_a_spoilt_text_is_told_in_lines(tmp_path: Path, cuts: list[tuple[int, int, str]]) -> None:
    text = _TEXT
    for start, length, instead in cuts:
        text = text[:start] + instead + text[start + length :]
    file = tmp_path / "Pulumi.familyflow.yaml"
    file.write_text(text)
    try:
        read = stackfile.read(file)
        _lines({**read.values})
    except SettingsError as error:
        _are_lines(error)


def test_the_good_stack_holds_no_secret() -> None:
    """Else the tests above would look for the wrong thing."""
    environment = yaml.safe_load(_TEXT)["config"]["slipway:product"]["environment"]
    assert not any(isinstance(value, str) and looks_secret(name, value) for name, value in environment.items())
