"""What differs on a laptop is laid over the stack file, and nothing else is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.workspace import Workspace, overlaid, secrets_named_in, state_home, without_secrets
from scripts.pulumi_cli import plain

CONFIG: dict[str, Any] = {
    "slipway:product": {"name": "toy", "release": {"commit": "old"}, "services": {"api": {"port": 8000}}},
    "slipway:access": {"admin_cidrs": ["203.0.113.7/32"]},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    engine = tmp_path / "pulumi"
    engine.touch()
    made = Workspace("toy", tmp_path / "home")
    made.make(engine)
    return made


def test_a_value_is_laid_over_by_its_path_and_the_rest_stays() -> None:
    result = overlaid(CONFIG, {"product.release.commit": "new", "slipway:access.admin_cidrs": []})
    assert result["slipway:product"]["release"] == {"commit": "new"}
    assert result["slipway:product"]["services"] == {"api": {"port": 8000}}
    assert result["slipway:access"]["admin_cidrs"] == []
    assert CONFIG["slipway:product"]["release"] == {"commit": "old"}


def test_a_whole_block_can_be_laid_over_and_a_missing_one_is_made() -> None:
    result = overlaid(CONFIG, {"dns": {"provider": "print"}, "budget.monthly": 50})
    assert result["slipway:dns"] == {"provider": "print"}
    assert result["slipway:budget"] == {"monthly": 50}


def test_secrets_of_the_real_stack_are_left_out() -> None:
    assert without_secrets({**CONFIG, "slipway:TOKEN": {"secure": "v1:abc"}}) == CONFIG


def test_every_secret_that_is_named_is_found_wherever_it_stands() -> None:
    product = {"environment": {"A": {"secret": "ONE"}, "B": "text"}, "backing": [{"url": {"secret": "TWO"}}]}
    assert secrets_named_in(product) == {"ONE", "TWO"}


def test_nobody_else_can_look_into_it(workspace: Workspace) -> None:
    """ALL3"""
    workspace.write_config(CONFIG)
    assert stat.S_IMODE(workspace.directory.stat().st_mode) == 0o700
    for name in ("passphrase", "tokens", "Pulumi.toy.yaml"):
        assert stat.S_IMODE((workspace.directory / name).stat().st_mode) == 0o600


def test_what_the_engine_keeps_beside_the_configuration_stays(workspace: Workspace) -> None:
    workspace.stack_file.write_text(yaml.safe_dump({"encryptionsalt": "v1:salt", "config": {"slipway:old": 1}}))
    workspace.write_config(CONFIG)
    content = yaml.safe_load(workspace.stack_file.read_text())
    assert content == {"encryptionsalt": "v1:salt", "config": CONFIG}


def test_the_passphrase_is_made_once(workspace: Workspace, tmp_path: Path) -> None:
    before = (workspace.directory / "passphrase").read_text()
    workspace.make(tmp_path / "pulumi")
    assert (workspace.directory / "passphrase").read_text() == before


def test_the_passphrase_is_no_part_of_any_environment(workspace: Workspace) -> None:
    """ALL3"""
    passphrase = (workspace.directory / "passphrase").read_text()
    assert passphrase not in "".join(workspace.environment().values())


def test_the_lock_of_an_engine_that_was_killed_goes(workspace: Workspace) -> None:
    lock = workspace.directory / "backend" / ".pulumi" / "locks" / "organization" / "slipway" / "toy" / "1.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{}")
    assert workspace.release_stale_lock()
    assert not workspace.release_stale_lock()


def test_nothing_is_left_of_it(workspace: Workspace) -> None:
    workspace.lock.touch()
    workspace.remove()
    workspace.unlock()
    assert list(workspace.directory.parent.iterdir()) == []


def test_rehearsals_live_where_the_machine_keeps_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_home() == tmp_path / "slipway" / "rehearsal"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_home().parts[-2:] == (".cache", "rehearsal")


@pytest.mark.parametrize("exported", ["a\nb", {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": '"a\\nb"'}])
def test_what_the_engine_exports_is_read_wrapped_or_not(exported: object) -> None:
    assert plain(exported) == "a\nb"
