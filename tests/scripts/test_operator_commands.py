"""`make release` and `make rollback`, with a Pulumi CLI and an SSH client that write down what is asked (FF8, FF12)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from scripts import release, rollback
from scripts.stack import OperatorError

OLD, NEW = "a" * 40, "b" * 40

_FAKE = """#!{python}
import json, pathlib, sys
here = pathlib.Path({home!r})
with open(here / "calls", "a") as calls:
    calls.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
arguments = sys.argv[1:]
if {name!r} == "ssh":
    if (here / "unreachable").exists():
        sys.exit(255)
    if arguments[-1] == "rollback":
        (here / "serving").write_text((here / "before").read_text())
    elif arguments[-2:] == ["status", "--json"]:
        print(json.dumps({{"serving": "20261121T101500-x", "commit": (here / "serving").read_text()}}))
elif arguments[:2] == ["config", "get"]:
    print((here / "commit").read_text())
elif arguments[:2] == ["config", "set"]:
    (here / "commit").write_text(arguments[4])
elif arguments[:2] == ["stack", "output"]:
    print((here / "outputs").read_text())
elif arguments[0] == "up":
    fails = (here / "fails").exists()
    if not fails or (here / "fails").read_text() == "after the release":
        (here / "serving").write_text((here / "commit").read_text())
    sys.exit(255 if fails else 0)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two programs, on the PATH before all others. The host serves OLD, as the stack file says."""
    for name in ("pulumi", "ssh"):
        program = tmp_path / name
        program.write_text(_FAKE.format(python=sys.executable, home=str(tmp_path), name=name))
        program.chmod(0o755)
    for file in ("commit", "serving"):
        (tmp_path / file).write_text(OLD)
    known = {"address": "192.0.2.9", "known_hosts": "192.0.2.9 ssh-ed25519 AAAA"}
    (tmp_path / "outputs").write_text(json.dumps(known))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def _calls(home: Path) -> list[list[str]]:
    return [json.loads(line) for line in (home / "calls").read_text().splitlines()]


def test_a_release_puts_the_commit_into_the_stack_file_and_brings_the_stack_up(home: Path) -> None:
    release.release("shop", NEW)
    assert (home / "commit").read_text() == NEW
    assert _calls(home)[-1] == ["pulumi", "up", "--yes", "--skip-preview", "--stack", "shop"]


def test_after_a_failed_release_the_stack_file_says_what_runs(home: Path) -> None:
    (home / "fails").touch()
    with pytest.raises(OperatorError, match="bbbbbbbb was not released: shop still runs aaaaaaaa"):
        release.release("shop", NEW)
    assert (home / "commit").read_text() == OLD


def test_an_update_that_fails_after_its_release_does_not_return_the_stack_file(home: Path) -> None:
    (home / "fails").write_text("after the release")
    with pytest.raises(OperatorError, match="bbbbbbbb was released, but the update failed after it"):
        release.release("shop", NEW)
    assert (home / "commit").read_text() == NEW


def test_a_host_that_does_not_answer_leaves_it_to_a_person(home: Path) -> None:
    (home / "fails").touch()
    (home / "unreachable").touch()
    with pytest.raises(OperatorError, match="did not say what it serves: the stack file names bbbbbbbb now, aaaaaaaa"):
        release.release("shop", NEW)


@pytest.mark.parametrize("commit", ["", "main", "v1.2.3", NEW[:12], NEW.upper(), NEW + "0", "; rm -rf /"])
def test_a_release_takes_whole_commits_alone(home: Path, commit: str) -> None:
    with pytest.raises(OperatorError, match="40 hexadecimal digits"):
        release.release("shop", commit)
    assert not (home / "calls").exists()


def test_a_rollback_returns_on_the_host_and_then_in_the_stack_file(home: Path) -> None:
    (home / "before").write_text(NEW)
    rollback.rollback("shop")
    assert (home / "commit").read_text() == NEW
    assert not [call for call in _calls(home) if call[:2] == ["pulumi", "up"]], "nothing is built anew"


def test_a_rollback_that_fails_leaves_the_stack_file(home: Path) -> None:
    (home / "unreachable").touch()
    with pytest.raises(OperatorError, match="`slipway rollback` failed on the host"):
        rollback.rollback("shop")
    assert (home / "commit").read_text() == OLD


def test_the_hosts_key_is_checked_against_the_pinned_one(home: Path) -> None:
    (home / "before").write_text(NEW)
    rollback.rollback("shop")
    for call in _calls(home):
        if call[0] == "ssh":
            assert "StrictHostKeyChecking=yes" in call
            assert any("ssh-ed25519 AAAA" in argument for argument in call)


def test_a_stack_that_is_not_up_has_nothing_to_return_to(home: Path) -> None:
    (home / "outputs").write_text("{}")
    with pytest.raises(OperatorError, match="pulumi up -s shop"):
        rollback.rollback("shop")


def test_without_the_cli_the_reason_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.argv", ["release", "--stack", "shop", "--commit", NEW])
    assert release.main() == 1
    assert capsys.readouterr().err == "the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/\n"
