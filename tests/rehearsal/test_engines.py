"""The images of engines: what builds them, and what builds the program that stands in for MongoDB."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rehearsal.engines import ENGINES, stand_in
from rehearsal.image import GUEST
from rehearsal.model import CloudError
from rehearsal.workspace import ROOT

CONTAINERFILES = sorted((ROOT / "rehearsal" / "engines").rglob("Containerfile"))


def test_every_engine_has_its_image() -> None:
    assert len(CONTAINERFILES) == len(ENGINES)


@pytest.mark.parametrize(
    "file", CONTAINERFILES, ids=lambda file: file.parent.relative_to(ROOT / "rehearsal").as_posix()
)
def test_an_image_is_built_on_the_base_and_starts_as_the_official_one(file: Path) -> None:
    """Their entrypoints give the data to the engine's user, 999 in all of them, and go on as that."""
    text = file.read_text()
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["${BASE}"]
    assert "--uid 999" in text
    assert 'ENTRYPOINT ["docker-entrypoint.sh"]' in text
    entrypoint = file.parent / "docker-entrypoint.sh"
    assert entrypoint.stat().st_mode & 0o111
    assert "setpriv --reuid=" in entrypoint.read_text()


def test_the_base_keeps_what_the_products_ask_for() -> None:
    purged = (GUEST / "base.sh").read_text().partition("apt-get purge")[2].partition(">/dev/null")[0].split()
    assert "systemd" in purged
    assert not {"python3", "python3-venv", "curl", "ca-certificates"} & set(purged)


def test_the_stand_in_is_built_anew_when_its_source_changes(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("package main\n")
    before = stand_in.recipe(tmp_path)
    assert stand_in.recipe(tmp_path) == before
    (tmp_path / "go.sum").write_text("")
    assert stand_in.recipe(tmp_path) != before


def test_without_go_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CloudError, match="Go is not installed"):
        stand_in.mongodb_program(lambda line: None)
