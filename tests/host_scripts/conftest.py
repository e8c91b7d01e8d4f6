"""Where the state machine's tests keep what a host has on its disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.host import lock
from tests.host_scripts.compose_machine import Machine
from tests.host_scripts.fake_fleet import FakeFleet, Make

MEMORY = Path("/dev/shm")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a host keeps its state. No machine is killed here, so nothing need be on a disk; thousands of files are."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(lock, "end_marked", lambda *markers: 0)  # no command of a release runs in these tests
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        yield Path(directory)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A host that runs containers, with everything applied and nothing released."""
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def make(place: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Fleets, one after another."""
    made: list[FakeFleet] = []

    def one(scenario: str = "second", hosts: int = 2) -> FakeFleet:
        made.append(FakeFleet(place / str(len(made)), scenario, monkeypatch, hosts))
        return made[-1]

    return one
