"""The plan against the real engine's preview: the same resources, the same inputs where the engine knows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import EngineEvent

from plan.build import Plan, make_plan
from plan.values import SECRET, UNKNOWN_MARK
from rehearsal.run import Rehearsal

Seen = Mapping[str, Any]


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """What the engine says of each resource of FamilyFlow before it makes any, by URN."""
    events: list[EngineEvent] = []
    said: list[str] = []
    with Rehearsal("familyflow", said.append, home=Path(tmp_path_factory.mktemp("engine"))).on_paper() as rehearsal:
        rehearsal.prepare()
        assert rehearsal._engine is not None
        rehearsal._engine.preview(on_event=events.append)
        yield {
            event.resource_pre_event.metadata.urn: event.resource_pre_event.metadata.new
            for event in events
            if event.resource_pre_event is not None and not event.resource_pre_event.metadata.type.startswith("pulumi:")
        }
        rehearsal.down()


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan("familyflow")


def test_the_resources_are_the_engines_urn_by_urn(plan: Plan, previewed: Seen) -> None:
    """ALL1"""
    assert {resource.urn for resource in plan.graph} == set(previewed)


def test_what_is_protected_is_what_the_engine_protects(plan: Plan, previewed: Seen) -> None:
    """ALL4"""
    by_engine = {urn for urn, state in previewed.items() if state.protect}
    assert {resource.urn for resource in plan.graph if resource.protect} == by_engine


def test_parents_are_the_engines(plan: Plan, previewed: Seen) -> None:
    for resource in plan.graph:
        parent = previewed[resource.urn].parent
        assert resource.parent == (None if "pulumi:pulumi:Stack" in parent else parent)


def test_an_input_that_the_engine_knows_has_the_value_of_the_plan(plan: Plan, previewed: Seen) -> None:
    compared = 0
    for resource in plan.graph:
        for key, value in previewed[resource.urn].inputs.items():
            known = UNKNOWN_MARK not in json.dumps(value)
            if known and key in resource.inputs and not resource.is_secret(key):
                assert resource.inputs[key] == value, f"{resource.name}.{key}"
                compared += 1
    assert compared > 60


def test_what_the_plan_marks_as_a_secret_is_one_for_the_engine_and_the_other_way_round(
    plan: Plan, previewed: Seen
) -> None:
    """ALL3"""
    for resource in plan.graph:
        by_engine = {key for key, value in previewed[resource.urn].inputs.items() if SECRET in json.dumps(value)}
        by_plan = {re.split(r"[.\[]", path)[0] for path in resource.secret_paths or ()}
        assert by_plan == by_engine, resource.name
