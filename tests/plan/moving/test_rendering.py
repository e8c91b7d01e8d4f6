"""The move, as a person, a pull request and a machine get it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from plan.__main__ import main
from plan.moving import machine, markdown, text
from plan.moving.derive import make_move
from plan.moving.move import Move
from plan.style import Style
from tests.plan.moving.moves import devora, to_another
from tests.plan.stack_files import hosts

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "plan"
SCHEMA = json.loads((Path(machine.__file__).parent / "schema.json").read_text())
REGENERATE = bool(os.environ.get("UPDATE_GOLDEN"))


@pytest.fixture(scope="module")
def shipped() -> Move:
    return make_move("devora-vps", "devora-fleet")


@pytest.mark.parametrize("name", ["move.txt", "move.md"])
def test_the_move_of_devora_looks_as_it_did(name: str, shipped: Move) -> None:
    made = text.render(shipped, Style(False)) if name.endswith("txt") else markdown.render(shipped)
    golden = GOLDEN / name
    if REGENERATE:
        golden.write_text(made)
    assert made == golden.read_text(), f"differs from {golden.relative_to(ROOT)}; if it should, UPDATE_GOLDEN=1"


def test_every_step_is_in_every_format(shipped: Move) -> None:
    shown, commented, document = text.render(shipped, Style(False)), markdown.render(shipped), machine.document(shipped)
    assert [step["title"] for step in document["steps"]] == [step.title for step in shipped.steps]
    for number, step in enumerate(shipped.steps, 1):
        assert f"  {number} {step.title}" in shown
        assert f"#### {number}. {step.title}" in commented
        for command in step.commands:
            assert f"    $ {command}\n" in shown
            assert f"\n{command}\n" in commented


def test_what_is_protected_is_named_on_both_sides(shipped: Move) -> None:
    shown = text.render(shipped, Style(False))
    for resource in (*shipped.made, *shipped.goes):
        assert not resource.protect or f"■ {resource.name} " in shown


def test_colour_changes_nothing_but_the_colour(shipped: Move) -> None:
    painted = text.render(shipped, Style(True))
    assert re.sub(r"\033\[[0-9;]*m", "", painted) == text.render(shipped, Style(False))


def test_the_json_has_the_shape_that_its_schema_describes(shipped: Move) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(machine.render(shipped))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert set(document) == set(SCHEMA["properties"])
    assert set(document["steps"][0]) == set(SCHEMA["properties"]["steps"]["items"]["properties"])
    assert [one["name"] for one in document["goes"] if one["left"]] == ["devora-vps-zone-domain"]


def test_many_hosts_are_one_line(tmp_path: Path) -> None:
    move = to_another(tmp_path, "prod", after=hosts(50), before=hosts(50))
    shown = text.render(move, Style(False))
    assert "50, vulcan-next-1-droplet to vulcan-next-50-droplet" in shown
    assert len(shown.splitlines()) < 160


def test_no_format_tells_what_a_secret_holds_or_stands_for(tmp_path: Path) -> None:
    """ALL3"""
    for shown in (text.render(move := devora(tmp_path), Style(False)), markdown.render(move), machine.render(move)):
        assert "\u2039generated" not in shown
        assert "\u2039REGISTRY_TOKEN" not in shown


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_command_prints_it(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "devora-fleet", "--from", "devora-vps", "--format", form]) == 0
    assert "Cut over" in capsys.readouterr().out


@pytest.mark.parametrize("origin", ["prod", "devora-fleet", "nowhere", "../x"])
def test_what_can_not_be_moved_from_is_one_line_and_ends_with_1(
    origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stack", "devora-fleet", "--from", origin]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_the_runbook_has_the_steps_that_are_printed(shipped: Move) -> None:
    lines = (ROOT / "docs" / "moving.md").read_text().splitlines()
    told = [line.removeprefix("### ") for line in lines if line.startswith("### ")]
    hand = {True: " \N{RAISED HAND}", False: ""}
    assert told == [f"{number}. {step.title}{hand[step.by_hand]}" for number, step in enumerate(shipped.steps, 1)]
    assert f"    {shipped.steps[5].commands[-1]}" in lines


def test_a_shells_own_variable_is_not_taken_for_where_from() -> None:
    environment = {**os.environ, "FROM": "nowhere"}
    command = ["make", "--silent", "--old-file", "requirements.txt", "plan", "STACK=devora-vps"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("devora-vps · droplet-compose")


def test_make_knows_where_from() -> None:
    ran = subprocess.run(
        ["make", "--silent", "--old-file", "requirements.txt", "plan", "STACK=devora-fleet", "FROM=devora-vps"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("devora moves: devora-vps (droplet-compose) → devora-fleet (fleet-compose)")
