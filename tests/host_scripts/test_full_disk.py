"""A disk that is full from any point of a release on: one release runs, and `recover` finds the host so (FF8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host import lock
from scripts.host.state import StateFile
from tests.host_scripts.fake_effects import ROLES
from tests.host_scripts.fake_releases import Stage


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(lock, "end_marked", lambda *markers: 0)
    return tmp_path


def _points(place: Path, scenario: str) -> list[str]:
    stage = Stage(place / "clean", scenario)
    stage.run()
    return stage.trouble.passed


def _assert_whole(stage: Stage, where: str) -> None:
    effects = stage.effects
    serving = effects.slots[effects.live] if effects.live else None
    wanted = {(effects.live, role): serving for role in ROLES} if effects.live else {}
    assert effects.running == wanted, where


@pytest.mark.parametrize("scenario", ["first", "second", "rerouted", "rollback"])
def test_one_release_runs_whatever_can_not_be_written(place: Path, scenario: str) -> None:
    for number, name in enumerate(_points(place, scenario)):
        stage, where = Stage(place / str(number), scenario), f"{scenario}: full at {name}"
        stage.trouble.kind, stage.trouble.at = "full", number
        try:
            stage.run()
        except OSError:  # before anything was begun
            assert not stage.effects.running or "start web (before)" not in stage.trouble.passed, where
            stage.free()
        _assert_whole(stage, where)
        stage.trouble.kind = "none"
        if StateFile(stage.directory).load() is not None:
            coordinator = stage.coordinator()
            coordinator.recover()
            stage.free()
            _assert_whole(stage, f"{where}, recovered")
