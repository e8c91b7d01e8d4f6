"""Pulumi's configuration -> `Settings`. The one module of this package that imports Pulumi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env, is_config_secret

from settings.credentials import in_plain
from settings.like import LIKE
from settings.parse import NAMESPACE, parse
from settings.problems import SettingsError
from settings.stack import BLOCKS, Settings
from settings.stackfile import with_rest

ROOT = Path(__file__).resolve().parents[1]
"""Where the stack files are."""


def load() -> Settings:
    """The settings of the stack that runs. Raises SettingsError with every mistake in them.

    The CLI hands the configuration over in the environment, the Automation API and the plan through the SDK.
    """
    stored: dict[str, str] = {**get_config_env(), **CONFIG.get()}
    keys = {key.removeprefix(f"{NAMESPACE}:"): text for key, text in stored.items() if key.startswith(f"{NAMESPACE}:")}
    marked = set(get_config_secret_keys_env())
    secret = {key for key in keys if f"{NAMESPACE}:{key}" in marked or is_config_secret(f"{NAMESPACE}:{key}")}
    values = {key: _ENCRYPTED if key in secret else _value(text) for key, text in keys.items() if key in BLOCKS}
    others = [key for key in keys if key not in {*BLOCKS, LIKE} and key not in secret]
    stack = pulumi.get_stack()
    if LIKE in keys:
        values = dict(with_rest(ROOT, stack, _value(keys[LIKE]), values))
    plain = {key: text for key, text in stored.items() if key not in marked and not is_config_secret(key)}
    credentials = in_plain(plain, stack, NAMESPACE)
    try:
        settings = parse(stack, values, frozenset(secret - set(BLOCKS)), others=others)
    except SettingsError as error:
        raise SettingsError([*credentials, *error.problems]) from None
    if credentials:
        raise SettingsError(credentials)
    return settings


_ENCRYPTED = {"secure": ""}
"""A block that Pulumi marks as secret holds an encrypted value. It arrives decrypted, so nothing of it is looked at."""


def _value(text: str) -> Any:
    """A block as Pulumi hands it over: JSON, or plain text where the file has plain text."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
