"""Secrets, given or made, as one Output: the only place where the program touches a secret's value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pulumi
import pulumi_random as random

from hostfiles.engines import administrator
from settings.stack import Settings


class Values(NamedTuple):
    """Plain values, inside an `apply`: secrets and generated texts by name, facts and passwords by backing service
    (an administrator's as hostfiles.engines has it).

    `data_hosts` are the private addresses of a fleet's hosts for data, in their order; `share` is where its hosts mount
    what they keep in common from.
    """

    secrets: Mapping[str, str]
    generated: Mapping[str, str]
    facts: Mapping[str, Mapping[str, str]]
    passwords: Mapping[str, str]
    data_hosts: Sequence[str] = ()
    share: str | None = None


Plain = pulumi.Output[dict[str, Any]]
"""All values of a stack's variables, as one secret."""
_Made = TypeVar("_Made")
KNOW_THE_FIRST = ("postgres", "mongodb")
"""Engines that keep the password which they were begun with: whoever loses it can't read what lies on the volume."""


def gather(
    settings: Settings,
    facts: Mapping[str, Mapping[str, pulumi.Input[str]]],
    data_hosts: Sequence[pulumi.Input[str]] = (),
    share: pulumi.Input[str] | None = None,
) -> Plain:
    """All that a stack's variables need, as one secret. `facts` are of the backing services that the cloud provides."""
    config = pulumi.Config("slipway")
    names = sorted({name for _, name in settings.product.secret_references()})
    parts: dict[str, Any] = {
        "secrets": {name: config.require_secret(name) for name in names},
        "generated": {
            key: _generate(_kept_as(settings, key), value.generate, protect=True)
            for key, value in settings.product.generated_values()
        },
        "facts": facts,
        "passwords": _passwords(settings),
        "data_hosts": list(data_hosts),
        "share": share,
    }
    return pulumi.Output.secret(pulumi.Output.from_input(parts))


def render(values: Plain, make: Callable[[Values], _Made]) -> pulumi.Output[_Made]:
    """What is made of the values: a secret."""
    made: pulumi.Output[_Made] = pulumi.Output.secret(values.apply(lambda plain: make(Values(**plain))))
    return made


def _passwords(settings: Settings) -> dict[str, pulumi.Output[str]]:
    """Those of backing services on our own hosts, and of MongoDB's administrators."""
    made = {}
    for name, backing in settings.product.backing.items():
        if backing.provider != "host":
            continue
        kept = f"{settings.name}-{name}"
        made[name] = _generate(f"{kept}-password", 32, protect=backing.engine in KNOW_THE_FIRST)
        if backing.engine == "mongodb":
            made[administrator(name)] = _generate(f"{kept}-administrator", 32, protect=True)
    return made


def _kept_as(settings: Settings, key: str) -> str:
    """The name of a generated text, by its key among Product.generated_values."""
    return f"{settings.name}-{key.lower().replace('_', '-').replace('.', '-')}"


def _generate(name: str, length: int, protect: bool = False) -> pulumi.Output[str]:
    """A random text. It stays as it was made: another length would be another text, and void what the old one signed
    or encrypted."""
    opts = pulumi.ResourceOptions(protect=protect, ignore_changes=["length"])
    made: pulumi.Output[str] = random.RandomPassword(name, length=length, special=False, opts=opts).result
    return made
