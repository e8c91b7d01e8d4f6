"""One file for each kind: what it is made of, read like the diagram of it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from importlib import import_module
from typing import Any

import pulumi

from settings.load import load
from settings.problems import SettingsError
from settings.stack import Settings


def declare() -> None:
    """The whole program: the settings of the stack that runs, its resources, its outputs."""
    try:
        settings = load()
    except SettingsError as error:
        raise pulumi.RunError(f"the stack file has mistakes:\n{error}") from None
    built = build(settings)
    if isinstance(built, Mapping):
        _export(built)
    else:

        async def rest() -> None:
            _export(await built)

        pulumi.run(rest)


def _export(outputs: Mapping[str, Any]) -> None:
    for name, value in outputs.items():
        if value is not None:
            pulumi.export(name, value)


def build(settings: Settings) -> Mapping[str, Any] | Awaitable[Mapping[str, Any]]:
    """Declare the stack's resources and return its outputs, or what waits for some of them to be known first.

    Only the chosen kind's providers are imported, and only now: a mistake in the settings should not wait for them.
    """
    kind = import_module(f"architectures.{settings.architecture.kind.replace('-', '_')}")
    outputs: Mapping[str, Any] | Awaitable[Mapping[str, Any]] = kind.build(settings)
    return outputs
