"""Pulumi's configuration -> `Settings`. The one module of this package that imports Pulumi."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from settings.parse import NAMESPACE, parse
from settings.problems import Problem, SettingsError
from settings.stack import BLOCKS, Settings


def load() -> Settings:
    """The settings of the stack that runs. Raises SettingsError with every mistake in them."""
    stored: dict[str, str] = {**get_config_env(), **CONFIG.get()}  # the CLI hands it over in the environment, the Automation API here
    keys = {key.removeprefix(f"{NAMESPACE}:"): text for key, text in stored.items() if key.startswith(f"{NAMESPACE}:")}
    secrets = frozenset(key for key in keys if key not in BLOCKS and is_config_secret(f"{NAMESPACE}:{key}"))
    values = {key: _value(key, text) for key, text in keys.items() if key in BLOCKS}
    others = [key for key in keys if key not in BLOCKS and key not in secrets]
    return parse(pulumi.get_stack(), values, secrets, others=others)


def _value(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise SettingsError([Problem(f"{NAMESPACE}:{key}", "should be a mapping")]) from None
