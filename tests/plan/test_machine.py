"""The plan for machines keeps its shape."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from plan import machine
from plan.build import Plan, make_plan

SCHEMA = json.loads((Path(machine.__file__).parent / "schema.json").read_text())


@pytest.fixture(scope="module")
def familyflow() -> Plan:
    return make_plan("familyflow")


@pytest.mark.parametrize("show_files", [False, True])
def test_the_json_has_the_shape_that_its_schema_describes(familyflow: Plan, show_files: bool) -> None:
    document = json.loads(machine.render(familyflow, show_files=show_files))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["version"] == machine.VERSION
    assert all(("content" in file) == show_files for file in document["files"])


def test_the_schema_names_every_key_of_the_document(familyflow: Plan) -> None:
    assert set(machine.document(familyflow)) == set(SCHEMA["properties"])
    resource = machine.document(familyflow)["resources"][0]
    assert set(resource) == set(SCHEMA["$defs"]["resource"]["properties"])


def test_every_parent_and_dependency_is_a_resource_of_the_plan(familyflow: Plan) -> None:
    resources = machine.document(familyflow)["resources"]
    urns = {resource["urn"] for resource in resources}
    for resource in resources:
        assert resource["parent"] is None or resource["parent"] in urns
        assert set(resource["dependencies"]) <= urns


def test_a_secret_hides_what_contains_it_no_more_than_needed() -> None:
    """ALL3"""
    value = {"host": "h", "keys": [{"private": "x", "public": "y"}], "long": "z" * 501}
    shown = machine.hidden(value, frozenset({"keys[0].private"}))
    assert shown["host"] == "h"
    assert shown["keys"] == [{"private": "[secret]", "public": "y"}]
    assert shown["long"].startswith("\u2039501 bytes, sha256 ")
