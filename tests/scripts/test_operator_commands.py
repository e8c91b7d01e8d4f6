"""`make release`, `rollback` and `recover` with a Pulumi CLI and an SSH client that write down what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import read_only, recover, release, rollback
from scripts.pulumi_cli import OperatorError
from tests.scripts.fake_programs import Programs, programs

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """One host, which serves OLD as the stack file says."""
    return programs(tmp_path, monkeypatch, {"commit": OLD})


def test_a_release_puts_the_commit_into_the_stack_file_and_brings_the_stack_up(host: Programs) -> None:
    """FF12."""
    release.release("shop", NEW)
    assert host.get("release") == {"commit": NEW}
    assert host.calls()[-1] == ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", "shop"]


def test_after_a_failed_release_the_stack_file_says_what_runs(host: Programs) -> None:
    """FF8."""
    host.happens("fails")
    with pytest.raises(OperatorError, match="bbbbbbbb was not released: shop still runs aaaaaaaa"):
        release.release("shop", NEW)
    assert host.get("release") == {"commit": OLD}


def test_an_update_that_fails_after_its_release_does_not_return_the_stack_file(host: Programs) -> None:
    host.happens("fails", "after the release")
    with pytest.raises(OperatorError, match="bbbbbbbb was released, but the update failed after it"):
        release.release("shop", NEW)
    assert host.get("release") == {"commit": NEW}


@pytest.mark.parametrize(
    ("during", "told"),
    [("up", "was not released: shop still runs aaaaaaaa"), ("preview", "^interrupted: shop is as it was$")],
)
def test_a_release_that_is_interrupted_lets_the_engine_put_its_state_in_order(
    host: Programs, during: str, told: str
) -> None:
    """A CLI that is killed leaves a lock, and a release that nobody waits for."""
    host.happens("ctrl-c", during)
    with pytest.raises(OperatorError, match=told):
        release.release("shop", NEW)
    assert host.has("in order")
    assert host.get("release") == {"commit": OLD}


def test_a_rollback_that_is_interrupted_lets_the_host_put_its_release_in_order(
    host: Programs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    host.happens("ctrl-c", "rollback")
    monkeypatch.setattr("sys.argv", ["rollback", "--stack", "shop"])
    monkeypatch.setattr(rollback, "existing", lambda stack: stack)
    assert rollback.main() == 1
    assert host.has("in order")
    assert capfd.readouterr().err == (
        "waiting for the host, which ends what it has begun\n"
        "interrupted; shop runs aaaaaaaa, and its stack file says so\n"
    )


def test_a_host_that_does_not_answer_leaves_it_to_a_person(host: Programs) -> None:
    host.happens("fails")
    host.happens("unreachable")
    with pytest.raises(OperatorError, match="did not say what it serves: the stack file names bbbbbbbb now, aaaaaaaa"):
        release.release("shop", NEW)


@pytest.mark.parametrize("commit", ["main", "v1.2.3", NEW[:12], NEW.upper(), NEW + "0", "; rm -rf /"])
def test_a_release_takes_whole_commits_alone(host: Programs, commit: str) -> None:
    with pytest.raises(OperatorError, match="40 hexadecimal digits"):
        release.release("shop", commit)
    assert host.calls() == []


@pytest.mark.parametrize(
    ("commit", "images", "version", "told"),
    [
        ("", "", "", "what is to be released"),
        (NEW, "api=1.0", "", "COMMIT and IMAGES say each what is to be released: leave all but one out"),
        ("", "api=1.0", "1.0", "IMAGES and VERSION say each what is to be released: leave all but one out"),
    ],
)
def test_a_release_is_of_one_thing(host: Programs, commit: str, images: str, version: str, told: str) -> None:
    with pytest.raises(OperatorError, match=told):
        release.release("shop", commit, images, version)
    assert host.calls() == []


def test_a_stack_that_is_released_by_commits_takes_no_images(host: Programs) -> None:
    for images, version in (("api=1.0", ""), ("", "1.0")):
        with pytest.raises(OperatorError, match="shop is released by COMMIT="):
            release.release("shop", images=images, version=version)
    assert host.get("release") == {"commit": OLD}


def test_a_rollback_returns_on_the_host_and_then_in_the_stack_file(host: Programs) -> None:
    host.put("before", {"commit": NEW})
    rollback.rollback("shop")
    assert host.get("release") == {"commit": NEW}
    assert not [call for call in host.calls() if call[:2] == ["pulumi", "up"]], "nothing is built anew"


def test_a_rollback_that_fails_leaves_the_stack_file(host: Programs) -> None:
    host.happens("unreachable")
    with pytest.raises(OperatorError, match=r"^`slipway rollback` failed on the host: see above$"):
        rollback.rollback("shop")
    assert host.get("release") == {"commit": OLD}


@pytest.mark.parametrize("take_over", [False, True])
def test_a_recovery_runs_on_the_host_and_then_the_stack_file_names_what_serves(host: Programs, take_over: bool) -> None:
    host.put("release", {"commit": NEW})
    recover.recover("shop", take_over)
    assert host.get("release") == {"commit": OLD}
    [call] = [call for call in host.calls() if "recover" in call]
    assert call[-1] == ("--take-over" if take_over else "recover")


@pytest.mark.parametrize(("on", "word"), [("1", "on"), ("0", "off")])
def test_a_host_is_made_read_only_and_the_stack_file_is_left_alone(host: Programs, on: str, word: str) -> None:
    """DV10."""
    read_only.read_only("shop", on)
    assert host.get("read-only") == word
    assert host.get("release") == {"commit": OLD}


@pytest.mark.parametrize("on", ["", "yes", "on", "2", "; true"])
def test_on_is_1_or_0(host: Programs, on: str) -> None:
    with pytest.raises(OperatorError, match="should be 1"):
        read_only.read_only("shop", on)
    assert host.calls() == []


def test_a_host_that_is_not_switched_is_said_to_be_not(host: Programs) -> None:
    host.happens("unreachable")
    with pytest.raises(OperatorError, match=r"^`slipway read-only on` failed on the host: see above$"):
        read_only.read_only("shop", "1")


def test_the_hosts_key_is_checked_against_the_pinned_one(host: Programs) -> None:
    host.put("before", {"commit": NEW})
    rollback.rollback("shop")
    for call in host.calls():
        if call[0] == "ssh":
            assert "StrictHostKeyChecking=yes" in call
            assert any("ssh-ed25519 AAAA" in argument for argument in call)


def test_a_host_that_is_half_dead_is_not_waited_for_without_end(host: Programs) -> None:
    host.happens("fails")
    with pytest.raises(OperatorError, match="was not released"):
        release.release("shop", NEW)
    calls = [call for call in host.calls() if call[0] == "ssh"]
    assert calls
    for call in calls:
        assert {"ConnectTimeout=15", "ServerAliveInterval=10", "ServerAliveCountMax=3"} <= set(call)


def test_a_stack_that_is_not_up_has_nothing_to_return_to(host: Programs) -> None:
    host.put("outputs", {})
    with pytest.raises(OperatorError, match="pulumi up -s shop"):
        rollback.rollback("shop")


def test_without_the_cli_the_reason_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.argv", ["release", "--stack", "familyflow", "--commit", NEW])
    assert release.main() == 1
    assert capsys.readouterr().err == "the Pulumi CLI is not on the PATH: see https://www.pulumi.com/docs/install/\n"
