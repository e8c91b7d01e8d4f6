"""From inputs to outputs: defaults, missing inputs, and which values stay secret on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.provider.differ import difference
from rehearsal.provider.resource import Failure, Resource
from rehearsal.provider.values import Properties, Secret, is_secret, is_unknown, plain, secret

DEFAULTS = "__defaults"
"""The bridge's own key in checked inputs: the properties that it filled in by itself."""


def given(inputs: Properties) -> Properties:
    """What a handler gets: plain values, and nothing of the engine's own."""
    return {key: value for key, value in plain(inputs).items() if key != DEFAULTS}


def schema_failures(resource: Resource, inputs: Properties) -> list[Failure]:
    """Inputs that are missing, and inputs that the type does not have."""
    known = {*resource.required, *resource.optional}
    missing = [Failure(key, f"Missing required argument: {key!r}") for key in resource.required if key not in inputs]
    return missing + [Failure(key, f"{resource.token} has no input {key!r}") for key in sorted(inputs.keys() - known)]


def with_defaults(defaults: Mapping[str, Any], inputs: Properties) -> Properties:
    """Fills in what is missing, also inside an object that is there (a connection's user and port)."""
    filled = dict(inputs)
    for key, value in defaults.items():
        given = filled.get(key)
        if isinstance(value, Mapping):
            if isinstance(given, Secret) and isinstance(given.value, dict):
                filled[key] = Secret(with_defaults(value, given.value))
            elif isinstance(given, dict):
                filled[key] = with_defaults(value, given)
        elif given is None:
            filled[key] = value
    return filled


def marked(resource: Resource, key: str, value: Any, *sources: Properties) -> Any:
    """The value, a secret where the schema says so or where what it comes from was one."""
    if key in resource.secret_outputs or any(is_secret(source.get(key)) for source in sources):
        return secret(value)
    return value


def outputs(resource: Resource, inputs: Properties, added: Properties) -> Properties:
    """What the engine keeps: the inputs as they are, and what was added, secret where it has to be."""
    outputs = {key: marked(resource, key, value) for key, value in inputs.items()}
    outputs.update({key: marked(resource, key, value, inputs) for key, value in added.items()})
    return outputs


def alike(resource: Resource, key: str, given: Any, found: Any) -> bool:
    """Whether what the cloud shows is what was asked for (a hash in its place says nothing either way)."""
    if key in resource.hashed or is_unknown(given):
        return True
    return not difference(resource, {key: given}, {key: found}).changed
