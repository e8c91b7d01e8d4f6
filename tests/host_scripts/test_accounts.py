"""Users of a host: made, brought back, and never taken from somebody else."""

from __future__ import annotations

import json
import pwd
from pathlib import Path

import pytest

from scripts.host import accounts, apply
from scripts.host.kept import MANIFEST
from scripts.host.manifest import User
from scripts.host.run import HostError
from tests.host_scripts.fake_host import ME, FakeHost, a_manifest

HOME, SHELL = pwd.getpwnam(ME).pw_dir, pwd.getpwnam(ME).pw_shell


def a_user(home: str = HOME, login: str = SHELL) -> User:
    """The user that runs the tests, whom the machine has already."""
    return User(ME, home, login, True, ())


def of_nobody() -> frozenset[str]:
    """No user was made before."""
    return frozenset()


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """A host on which the user's home is there, and nobody is in a further group."""
    found = FakeHost(tmp_path)
    Path(found.at(HOME)).mkdir(parents=True)
    return found


@pytest.mark.parametrize("wanted", [a_user(home="/srv/elsewhere"), a_user(login="/usr/sbin/slipway-none")])
def test_a_user_that_somebody_else_made_is_left_alone(host: FakeHost, wanted: User) -> None:
    with pytest.raises(HostError) as caught:
        accounts.users(host, [wanted], of_nobody)
    assert str(caught.value).startswith(f"the host has a user {ME} of its own (home {HOME}, shell {SHELL})")
    assert "\n" not in str(caught.value)
    assert (host.ran, host.said) == ([], [])


def test_a_user_of_an_earlier_apply_is_brought_back(host: FakeHost) -> None:
    accounts.users(host, [a_user(login="/usr/sbin/slipway-none")], lambda: frozenset({ME}))
    assert host.ran[0][:3] == ["usermod", "--shell", "/usr/sbin/slipway-none"]
    assert host.said == [f"changed: user {ME}"]


def test_a_user_that_an_interrupted_apply_made_is_taken_as_it_is(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its home and shell are as wanted, though nothing was recorded yet."""
    monkeypatch.setattr("grp.getgrall", list)
    accounts.users(host, [a_user()], of_nobody)
    assert (host.ran, host.said) == ([], [])


@pytest.mark.parametrize("kept", [None, "", "{}", "[]", '{"users": [1]}', '{"users": null}'])
def test_what_was_applied_before_may_be_missing_or_of_another_version(host: FakeHost, kept: str | None) -> None:
    if kept is not None:
        host.put(MANIFEST, kept)
    assert apply._made_before(host) == frozenset()


def test_the_users_of_the_last_apply_are_known(host: FakeHost) -> None:
    host.put(MANIFEST, json.dumps(a_manifest(users=[{"name": "sample"}, {"name": "ops"}], later=1)))
    assert apply._made_before(host) == {"sample", "ops"}
