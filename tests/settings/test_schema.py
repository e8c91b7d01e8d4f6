"""docs/stack.schema.json: what editors know of a stack file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from settings.schema import partial, schema, text
from tests.settings.stack import MISTAKES, ROOT, Missing, good, spoil

SHIPPED = sorted(ROOT.glob("Pulumi.*.yaml"))
VALIDATOR, LIKE_ANOTHER = Draft202012Validator(schema()), Draft202012Validator(partial())


def _is_like_another(file: Path) -> bool:
    return "slipway:like" in yaml.safe_load(file.read_text())["config"]


def test_the_schema_in_docs_is_up_to_date() -> None:
    written = (ROOT / "docs" / "stack.schema.json").read_text()
    assert written == text(), "run `make schema`"
    written = (ROOT / "docs" / "stack-like.schema.json").read_text()
    assert written == text(whole=False), "run `make schema`"


def test_the_command_prints_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "settings.schema"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == schema()
    other = [sys.executable, "-m", "settings.schema", "like"]
    assert json.loads(subprocess.check_output(other, cwd=ROOT, text=True)) == partial()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator.check_schema(partial())


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_shipped_stack_file_names_it_for_the_editor(file: Path) -> None:
    name = "stack-like.schema.json" if _is_like_another(file) else "stack.schema.json"
    assert file.read_text().splitlines()[0] == f"# yaml-language-server: $schema=docs/{name}"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_shipped_stack_file_validates(file: Path) -> None:
    validator = LIKE_ANOTHER if _is_like_another(file) else VALIDATOR
    assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"slipway:product": {"domain": 1}},
        {"slipway:product": {"services": {"app": {"memry": "1Gi"}}}},
        {"slipway:prodcut": {}},
        {"slipway:like": None},
    ],
    ids=["a value", "a key", "a block", "no other"],
)
def test_an_editor_sees_mistakes_in_a_file_that_says_only_what_differs(wrong: dict[str, Any]) -> None:
    config = {"slipway:like": "signupflow", "slipway:product": {"aliases": None}}
    assert list(LIKE_ANOTHER.iter_errors({"config": config})) == []
    assert list(LIKE_ANOTHER.iter_errors({"config": {**config, **wrong}})) != []


def test_secrets_providers_settings_and_other_programs_are_allowed() -> None:
    stack = _stack(good())
    stack["config"] |= {"slipway:SENTRY_DSN": {"secure": "v1:abc"}, "digitalocean:token": {"secure": "v1:abc"}}
    stack |= {"encryptionsalt": "v1:x", "secretsprovider": "passphrase"}
    assert _errors(stack) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("slipway:SENTRY_DSN", "plain"), ("slipway:acess", {}), ("product", {}), ("slipway:SENTRY_DSN", {"secure": ""})],
)
def test_what_is_no_block_and_no_encrypted_secret_is_refused(key: str, value: Any) -> None:
    stack = _stack(good())
    stack["config"][key] = value
    assert _errors(stack) != []


def test_who_may_log_in_has_to_be_said_only_where_there_are_hosts() -> None:
    for stack, wrong in (("signupflow", False), ("familyflow", True)):
        values = good(stack)
        values.pop("access", None)
        assert bool(_errors(_stack(values))) == wrong, stack


def _shows_in_one_value(case: Any) -> bool:
    """Whether the mistake needs no second key and no arithmetic to be seen."""
    shown = (
        "unknown key",
        "is text, should",
        "is a list, should",
        "is a number, should",
        "should be one of web",
        "a name:",
    )
    if "where YAML takes it for another thing" in case["told"]:
        return False  # JSON, and so an editor, knows only names that are text
    return len(case["told"].splitlines()) == 1 and any(words in case["told"] for words in shown)


@pytest.mark.parametrize(
    "case", [case for case in MISTAKES if _shows_in_one_value(case)], ids=lambda case: case["mistake"]
)
def test_an_editor_sees_what_one_value_shows(case: dict[str, Any]) -> None:
    values = good(case["stack"])
    for path, value in (case.get("change", {}) | dict.fromkeys(case.get("without", []), Missing)).items():
        spoil(values, path, value)
    assert _errors(_stack(values)) != []


def test_defaults_are_written_as_a_person_writes_them() -> None:
    service = schema()["$defs"]["Service"]["properties"]
    assert (service["stop_after"]["default"], service["start_within"]["default"]) == ("30s", "1m")
    assert schema()["$defs"]["DropletPm2"]["properties"]["swap"]["default"] == "2Gi"


def _stack(values: dict[str, Any]) -> dict[str, Any]:
    return {"config": {f"slipway:{block}": value for block, value in values.items()}}


def _errors(stack: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(stack)]
