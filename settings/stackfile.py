"""A stack file read as it stands on disk, without an engine: for the plan, the rehearsal and editors."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings.credentials import in_plain
from settings.masking import may_be_secret, shown, what_it_is
from settings.parse import NAMESPACE, parse
from settings.problems import Problem, SettingsError, nearest
from settings.stack import BLOCKS
from settings.yaml_reader import read_yaml

_TOP = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
"""Pulumi's own keys of a stack file."""


@dataclass(frozen=True)
class StackFile:
    """A stack's configuration: its blocks, the names of the secrets that are set, and any other key."""

    stack: str
    values: Mapping[str, Any]
    secrets: frozenset[str]
    others: tuple[str, ...]


def read(path: Path) -> StackFile:
    """The stack file at `path`. Raises SettingsError where it is missing or no YAML."""
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        content, problems = read_yaml(path)
    except FileNotFoundError:
        known = sorted(file.name.split(".")[1] for file in path.parent.glob("Pulumi.*.yaml"))
        there = f"stacks here: {', '.join(known)}" if known else "there is no stack here"
        raise SettingsError([Problem(path.name, f"there is no such stack file; {there}")]) from None
    config = _config(path, content, problems)
    ours = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if _is_ours(key)}
    encrypted = {key for key, value in ours.items() if isinstance(value, Mapping) and set(value) == {"secure"}}
    secrets = frozenset(encrypted - set(BLOCKS))  # a block that is encrypted whole is a mistake, told by `parse`
    problems += _strangers(config) + in_plain(config, stack, NAMESPACE) + _empty_secrets(ours, secrets)
    found = StackFile(
        stack=stack,
        values={key: value for key, value in ours.items() if key in BLOCKS},
        secrets=secrets,
        others=tuple(key for key in ours if key not in BLOCKS and key not in secrets),
    )
    if problems:
        raise SettingsError([*problems, *_further(found)])
    return found


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
