"""A stack file read as it stands on disk, without an engine: for the plan, the rehearsal and editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from settings.parse import NAMESPACE
from settings.problems import Problem, SettingsError
from settings.stack import BLOCKS


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
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        known = sorted(file.name.split(".")[1] for file in path.parent.glob("Pulumi.*.yaml"))
        raise SettingsError([Problem(path.name, f"there is no such stack file; stacks here: {', '.join(known) or 'none'}")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise SettingsError([Problem(where, f"is no valid YAML: {getattr(error, 'problem', 'cannot be read')}")]) from None
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping):
        raise SettingsError([Problem(path.name, "has no `config:` mapping")])
    ours = {str(key).removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if str(key).startswith(f"{NAMESPACE}:")}
    secrets = frozenset(key for key, value in ours.items() if isinstance(value, Mapping) and set(value) == {"secure"})
    return StackFile(
        stack=stack,
        values={key: value for key, value in ours.items() if key in BLOCKS},
        secrets=secrets,
        others=tuple(key for key in ours if key not in BLOCKS and key not in secrets),
    )
