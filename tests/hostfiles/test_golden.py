"""What lands on FamilyFlow's host, whole, as files to read. `UPDATE_GOLDEN=1 pytest tests/hostfiles` renews them."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from hostfiles import cloud_init, droplet_pm2, environment
from settings.stack import Settings
from tests.hostfiles.stacks import ROOT, manifest, stack, variables

GOLDEN = ROOT / "tests" / "golden" / "familyflow"


def _rendered(settings: Settings) -> dict[str, str]:
    made = manifest(settings)
    texts = {f"host{file.path}": file.content for file in made.files}
    files = [{**dataclasses.asdict(file), "content": "..."} for file in made.files]
    texts["manifest.json"] = json.dumps({**made.as_dict(), "files": files}, indent=1) + "\n"
    request = droplet_pm2.release_request(settings, variables(settings), owner="alice@laptop")
    texts["release-request.json"] = json.dumps(request, indent=1) + "\n"
    texts["user-data.yaml"] = cloud_init.user_data("<deploy key>", "<first host key>", "<its public half>")
    texts["env.example"] = environment.dotenv_example(settings)
    return texts


RENDERED = _rendered(stack())


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_what_lands_is_what_was_agreed(name: str) -> None:
    """FF1 to FF11, as text."""
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(RENDERED[name], encoding="utf-8")
    assert golden.is_file(), f"{golden} is missing: UPDATE_GOLDEN=1 writes it"
    assert RENDERED[name] == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_file_that_nothing_makes_any_more() -> None:
    kept = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert kept - set(RENDERED) == set()


def test_the_same_settings_give_the_same_text() -> None:
    """ALL1: a second `up` changes nothing."""
    assert _rendered(stack()) == RENDERED


def test_no_rendered_file_names_a_path_of_the_machine_that_rendered_it() -> None:
    assert not [name for name, text in RENDERED.items() if str(Path.cwd()) in text]
