"""`python -m rehearsal`: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.__main__ import main


def test_a_stack_that_there_is_not_is_said_to_be_missing_by_what_prepares_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rehearsal.run.Rehearsal.prepare", lambda self: self._stack_file())
    assert main(["up", "--stack", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Pulumi.nowhere.yaml: there is no such stack file; stacks here: devora-fleet, ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--requests", "-1"], "REQUESTS is '-1', should be a whole number, 1 or more"),
        (["up", "--requests", "1e5"], "REQUESTS is '1e5', should be a whole number, 1 or more"),
        (["up", "--requests", "²"], "REQUESTS is '²', should be a whole number, 1 or more"),
        (["up", "--checks", "some"], "CHECKS is 'some', should be none, basic or all"),
        (["up", "--from", "prod"], "move --stack <the new one> --from <the old one>; nothing else takes --from"),
    ],
)
def test_what_can_not_be_meant_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code, capsys.readouterr().err) == (1, f"{said}\n")


def test_a_path_is_no_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--stack", "../x"]) == 1
    assert capsys.readouterr().err.startswith("stack: '../x' names resources and hosts, should be ")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("shell", "staging is not rehearsed now: `make rehearse STACK=staging` brings it up"),
        ("status", "staging is not rehearsed now"),
        ("destroy", "staging is not rehearsed now"),
    ],
)
def test_what_is_not_rehearsed_is_not_brought_up_to_be_looked_at(
    action: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("rehearsal.run.Rehearsal.prepare", lambda self: pytest.fail("something was begun"))
    assert main([action, "--stack", "staging"]) == 1
    assert capsys.readouterr().err == f"{said}\n"
