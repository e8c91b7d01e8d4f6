"""What lands on FamilyFlow's host, whole, as files to read. `UPDATE_GOLDEN=1 pytest tests/hostfiles` renews them."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from hostfiles import cloud_init, compose_host, droplet_pm2, environment
from hostfiles.manifest import Manifest
from settings.stack import Settings
from tests.hostfiles import compose_stacks, stacks
from tests.hostfiles.stacks import ROOT

GOLDEN = ROOT / "tests" / "golden"
DIRECTORIES = ("familyflow", "devora-vps", "vulcan-prod", "vulcan-share", "vulcan-data", "devora-balancer")


def _host(made: Manifest, name: str = "") -> dict[str, str]:
    texts = {f"{name}host{file.path}": file.content for file in made.files}
    files = [{**dataclasses.asdict(file), "content": "..."} for file in made.files]
    return {**texts, f"{name}manifest.json": json.dumps({**made.as_dict(), "files": files}, indent=1) + "\n"}


def _familyflow() -> dict[str, str]:
    settings = stacks.stack()
    request = droplet_pm2.release_request(settings, stacks.variables(settings), owner="alice@laptop")
    return {
        **_host(stacks.manifest(settings)),
        "release-request.json": json.dumps(request, indent=1) + "\n",
        "user-data.yaml": cloud_init.user_data("<deploy key>", "<first host key>", "<its public half>"),
        "env.example": environment.dotenv_example(settings),
    }


def _containers(settings: Settings) -> dict[str, str]:
    request = compose_host.release_request(settings, compose_stacks.variables(settings), owner="alice@laptop")
    return {
        **_host(compose_stacks.manifest(settings)),
        "release-request.json": json.dumps(request, indent=1) + "\n",
        "env.example": environment.dotenv_example(settings),
    }


def _what_a_share_changes() -> dict[str, str]:
    """Of a host of Vulcan's: the files that are otherwise where a fleet has one."""
    without = _host(compose_stacks.manifest(compose_stacks.stack("prod")))
    shared = _host(compose_stacks.manifest(compose_stacks.sharing()))
    return {name: text for name, text in shared.items() if without.get(name) != text}


def _rendered() -> dict[str, str]:
    data = compose_stacks.data_manifests(compose_stacks.fleet())
    balancer = compose_stacks.balancer_manifest(compose_stacks.stack("devora-fleet"))
    found = {
        "familyflow": _familyflow(),
        "devora-vps": _containers(compose_stacks.stack("devora-vps")),
        "vulcan-prod": _containers(compose_stacks.stack("prod")),
        "vulcan-share": _what_a_share_changes(),
        "vulcan-data": {name: text for made in data for name, text in _host(made, f"{made.hostname}/").items()},
        "devora-balancer": _host(balancer),
    }
    return {f"{directory}/{name}": text for directory, texts in found.items() for name, text in texts.items()}


RENDERED = _rendered()


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_what_lands_is_what_was_agreed(name: str) -> None:
    """FF1 to FF11, DV1 to DV3, DV6, VU3, VU4, as text."""
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(RENDERED[name], encoding="utf-8")
    assert golden.is_file(), f"{golden} is missing: UPDATE_GOLDEN=1 writes it"
    assert RENDERED[name] == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_there_is_no_golden_file_that_nothing_makes_any_more(directory: str) -> None:
    kept = {str(path.relative_to(GOLDEN)) for path in (GOLDEN / directory).rglob("*") if path.is_file()}
    assert kept - set(RENDERED) == set()


def test_the_same_settings_give_the_same_text() -> None:
    """ALL1: a second `up` changes nothing."""
    assert _rendered() == RENDERED


def test_no_rendered_file_names_a_path_of_the_machine_that_rendered_it() -> None:
    assert not [name for name, text in RENDERED.items() if str(Path.cwd()) in text]
