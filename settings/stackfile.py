"""A stack file read as it stands on disk, without an engine: for the plan, the rehearsal and editors."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings.credentials import in_plain
from settings.like import LIKE, merged
from settings.masking import may_be_secret, shown, what_it_is
from settings.parse import NAMESPACE, parse, stack_name_problems
from settings.problems import Problem, SettingsError, nearest
from settings.stack import BLOCKS
from settings.yaml_reader import read_yaml

_TOP = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
"""Pulumi's own keys of a stack file."""


@dataclass(frozen=True)
class StackFile:
    """A stack's configuration: its blocks, the names of the secrets that are set, and any other key.

    `like` is the stack whose file says the rest of the blocks, if there is one.
    """

    stack: str
    values: Mapping[str, Any]
    secrets: frozenset[str]
    others: tuple[str, ...]
    like: str | None = None


def known(folder: Path) -> list[str]:
    """The stacks that have a file in this folder, by name."""
    return sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))


def missing(path: Path) -> SettingsError:
    """What to raise where there is no file at `path`: it names those that there are."""
    there = f"stacks here: {', '.join(found)}" if (found := known(path.parent)) else "there is no stack here"
    return SettingsError([Problem(path.name, f"there is no such stack file; {there}")])


def read(path: Path) -> StackFile:
    """The stack file at `path`. Raises SettingsError where it is missing or no YAML."""
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        content, problems = read_yaml(path)
    except FileNotFoundError:
        raise missing(path) from None
    config = _config(path, content, problems)
    ours = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if _is_ours(key)}
    encrypted = {key for key, value in ours.items() if isinstance(value, Mapping) and set(value) == {"secure"}}
    secrets = frozenset(encrypted - set(BLOCKS))  # a block that is encrypted whole is a mistake, told by `parse`
    problems += _strangers(config) + in_plain(config, stack, NAMESPACE) + _empty_secrets(ours, secrets)
    values = {key: value for key, value in ours.items() if key in BLOCKS}
    found = StackFile(
        stack=stack,
        values=with_rest(path.parent, stack, ours[LIKE], values) if LIKE in ours else values,
        secrets=secrets,
        others=tuple(key for key in ours if key not in {*BLOCKS, *secrets, LIKE}),
        like=ours.get(LIKE),
    )
    if problems:
        raise SettingsError([*problems, *_further(found)])
    return found


def like(path: Path) -> str | None:
    """The stack that the file at `path` says it is like. Raises SettingsError where it has no such configuration."""
    content, problems = read_yaml(path)
    other = _config(path, content, problems).get(f"{NAMESPACE}:{LIKE}")
    return other if isinstance(other, str) else None


def whole(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The `config` of the file at `path` with what the file of the stack that it is like says."""
    found = read(path)
    own = {key: value for key, value in config.items() if key != f"{NAMESPACE}:{LIKE}"}
    return {**own, **{f"{NAMESPACE}:{key}": value for key, value in found.values.items()}} if found.like else own


def with_rest(folder: Path, stack: str, other: Any, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The blocks of a stack that is like the stack `other`: its own `values` over those of the other's file.

    Raises SettingsError where the other is no stack, has mistakes of its own, or is like a third.
    """
    path = f"{NAMESPACE}:{LIKE}"
    if not isinstance(other, str) or stack_name_problems(other):  # before a file is opened by it
        raise SettingsError([Problem(path, f"is {shown(other)}, should be the name of another stack of this product")])
    if other == stack:
        raise SettingsError([Problem(path, "is the stack itself, should be another stack of this product")])
    rest = read(folder / f"Pulumi.{other}.yaml")
    if rest.like is not None:
        message = f"is {other}, which is like {rest.like} itself, should be {rest.like}"
        raise SettingsError([Problem(path, message)])
    whole: Mapping[str, Any] = merged(rest.values, values)
    domain, theirs = (_at(blocks, "product", "domain") for blocks in (whole, rest.values))
    if domain is not None and domain == theirs and _at(whole, "dns", "records") is not False:
        message = (
            f"is {shown(domain)}, as in {other}, and each would take the name from the other: say another one here"
        )
        raise SettingsError([Problem(f"{NAMESPACE}:product.domain", message)])
    return whole


def _at(blocks: Mapping[str, Any], block: str, key: str) -> Any:
    inner = blocks.get(block)
    return inner.get(key) if isinstance(inner, Mapping) else None


def _further(found: StackFile) -> tuple[Problem, ...]:
    """What else is wrong, so that all is told at once."""
    try:
        parse(found.stack, found.values, found.secrets, others=found.others, require_secrets=False)
    except SettingsError as error:
        return error.problems
    return ()


def _config(path: Path, content: Any, problems: list[Problem]) -> Mapping[Any, Any]:
    if content is None:
        raise SettingsError(
            [Problem(path.name, f"is empty, should have a `config:` with {NAMESPACE}:product and others")]
        )
    if not isinstance(content, Mapping):
        raise SettingsError([Problem(path.name, f"is {what_it_is(content)}, should be a mapping with `config:`")])
    unknown = [key for key in content if key not in _TOP]
    problems += [Problem(f"{path.name}: {_word(key)}", f"unknown key; {nearest(str(key), _TOP)}") for key in unknown]
    config = content.get("config")
    if not isinstance(config, Mapping):
        what = f"is {what_it_is(config)}" if "config" in content else "is missing"
        problems.append(
            Problem(f"{path.name}: config", f"{what}, should be a mapping with {NAMESPACE}:product and others")
        )
        raise SettingsError(problems)
    return config


def _is_ours(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(f"{NAMESPACE}:")


def _strangers(config: Mapping[Any, Any]) -> list[Problem]:
    """Keys that were meant for us and would be passed over: without our namespace, or with it misspelt."""
    problems = []
    for key in config:
        namespace, _, name = key.rpartition(":") if isinstance(key, str) else ("", "", "")
        if not isinstance(key, str) or (not namespace and name not in BLOCKS):
            problems.append(
                Problem(_word(key), f"unknown key, should start with its program's name, such as {NAMESPACE}:product")
            )
        elif namespace != NAMESPACE and name in BLOCKS and (not namespace or _is_near(namespace)):
            problems.append(Problem(_word(key), f"unknown key; did you mean '{NAMESPACE}:{name}'?"))
    return problems


def _is_near(namespace: str) -> bool:
    return difflib.SequenceMatcher(None, namespace, NAMESPACE).ratio() > 0.6


def _empty_secrets(ours: Mapping[str, Any], secrets: frozenset[str]) -> list[Problem]:
    return [
        Problem(f"{NAMESPACE}:{name}", f"is empty, should be set by `pulumi config set --secret {NAMESPACE}:{name}`")
        for name in secrets
        if not (isinstance(ours[name]["secure"], str) and ours[name]["secure"])
    ]


def _word(key: Any) -> str:
    text = str(key)
    return text if len(text) < 80 and text.isascii() and not may_be_secret(text) else shown(text)
