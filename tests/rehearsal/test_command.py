"""`python -m rehearsal`: what is refused before anything starts."""

from __future__ import annotations

import pytest

from rehearsal.__main__ import main


def test_a_stack_that_there_is_not_is_said_to_be_missing_by_what_prepares_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rehearsal.run.Rehearsal.prepare", lambda self: self._stack_file())
    assert main(["up", "--stack", "nowhere"]) == 1
    assert capsys.readouterr().err == "there is no stack file Pulumi.nowhere.yaml\n"
