"""The stand-ins know exactly the inputs that the providers' packages know, and say of each change what it does."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from policies.replaces import REPLACES
from rehearsal.provider.__main__ import MODULES
from rehearsal.provider.resource import Resource

RESOURCES: list[Resource] = [
    resource for module in MODULES.values() for resource in importlib.import_module(module).RESOURCES
]
# what the stand-ins leave out on purpose, and say so when a program asks for it
LEFT_OUT = {"command:local:Command": {"assetPaths", "archivePaths"}}


def _arguments(token: str) -> tuple[type, dict[str, inspect.Parameter]]:
    package, module, name = token.split(":")
    place = f"pulumi_{package}" if module.startswith("index") else f"pulumi_{package}.{module}"
    arguments: Any = getattr(importlib.import_module(place), f"{name}Args")
    parameters = dict(inspect.signature(arguments.__init__).parameters)
    parameters.pop("__self__", None)
    return arguments, parameters


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.token)
def test_it_takes_the_inputs_of_the_real_provider(resource: Resource) -> None:
    _, parameters = _arguments(resource.token)
    theirs = {_camel(name) for name in parameters} - LEFT_OUT.get(resource.token, set())
    assert {*resource.required, *resource.optional} == theirs


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.token)
def test_it_requires_what_the_real_provider_requires(resource: Resource) -> None:
    _, parameters = _arguments(resource.token)
    theirs = {_camel(name) for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty}
    assert set(resource.required) == theirs


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.token)
def test_its_outputs_are_those_of_the_real_provider(resource: Resource) -> None:
    package, module, name = resource.token.split(":")
    place = f"pulumi_{package}" if module.startswith("index") else f"pulumi_{package}.{module}"
    theirs = getattr(importlib.import_module(place), name)
    outputs = {_camel(key) for key, value in vars(theirs).items() if isinstance(value, property)}
    assert set(resource.computed) <= outputs
    assert set(resource.secret_outputs) <= outputs


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.token)
def test_the_table_of_replacements_names_inputs_that_there_are(resource: Resource) -> None:
    assert REPLACES[resource.token] <= {*resource.required, *resource.optional}


def test_every_resource_is_in_the_table_and_nothing_else_is() -> None:
    assert {resource.token for resource in RESOURCES} == REPLACES.keys()


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.token)
def test_what_the_real_package_calls_secret_is_secret_here(resource: Resource) -> None:
    """ALL3"""
    package, module, name = resource.token.split(":")
    place = f"pulumi_{package}" if module.startswith("index") else f"pulumi_{package}.{module}"
    source = inspect.getsource(getattr(importlib.import_module(place), name))
    if "additional_secret_outputs=[" in source:
        listed = source.partition("additional_secret_outputs=[")[2].partition("]")[0]
        theirs = {item.strip().strip('"') for item in listed.split(",")}
        assert theirs == set(resource.secret_outputs)
    else:
        assert not resource.secret_outputs
