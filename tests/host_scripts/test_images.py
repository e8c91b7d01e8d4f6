"""Images by digest: what a registry says is told apart, and what is here is what was asked for."""

from __future__ import annotations

import pytest

from scripts.host import images
from scripts.host.containers import Docker
from scripts.host.images import Images, is_root
from scripts.host.run import HostError
from tests.host_scripts.fake_docker import ONE, SITE, TWO, FakeDocker

TIMEOUT = 'Error response from daemon: Get "https://registry.example.com/v2/": dial tcp: i/o timeout'


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A Docker whose registry is asked again at once."""
    monkeypatch.setattr(images, "PAUSES", (0.0, 0.0))
    return FakeDocker()


def test_images_are_pulled_once_and_not_asked_for_when_they_are_here(docker: FakeDocker) -> None:
    """So that a registry that is down does not keep a host from what it has."""
    found = Images(Docker(docker))
    assert not found.asked
    found.pull({"images.app": ONE, "images.site": SITE})
    assert found.asked
    assert sorted(argv[-1] for argv in docker.started("pull")) == [ONE, SITE]
    docker.registry.clear()
    again = Images(Docker(docker))
    again.pull({"images.app": ONE, "images.site": SITE})
    assert not again.asked, "whether the registry takes the login is not known"
    assert len(docker.started("pull")) == 2
    assert found.user(SITE) == "nginx"


def test_a_registry_that_does_not_answer_is_asked_again_a_few_times(docker: FakeDocker) -> None:
    docker.refusals[ONE] = [TIMEOUT, TIMEOUT]
    Images(Docker(docker)).pull({"images.app": ONE})
    assert ONE in docker.here
    docker.refusals[TWO] = [TIMEOUT] * 3
    with pytest.raises(HostError, match=r"^images\.app: .* could not be pulled in 3 attempts: .*i/o timeout$"):
        Images(Docker(docker)).pull({"images.app": TWO})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("manifest for X not found: manifest unknown: manifest unknown", "the registry has no registry.example.com"),
        ("Error response from daemon: unauthorized", "the login in /root/.docker/config.json hold?"),
        ("pull access denied for X, repository does not exist or may require 'docker login'", "the registry refuses"),
        ("no basic auth credentials", "the registry refuses"),
    ],
)
def test_what_no_other_attempt_would_change_is_said_at_once(docker: FakeDocker, said: str, reason: str) -> None:
    docker.refusals[ONE] = [said, TIMEOUT, TIMEOUT]
    with pytest.raises(HostError) as caught:
        Images(Docker(docker)).pull({"images.app": ONE, "images.site": SITE})
    assert caught.value.reason.startswith("images.app: ")
    assert reason in caught.value.reason
    assert len([argv for argv in docker.started("pull") if argv[-1] == ONE]) == 1


def test_a_registry_that_sends_something_else_is_not_believed(docker: FakeDocker) -> None:
    docker.sent_as[ONE] = TWO
    with pytest.raises(HostError, match=r"^images\.app: the registry sent something else than .*1111$"):
        Images(Docker(docker)).pull({"images.app": ONE})


def test_one_that_fails_ends_the_waiting_for_the_others(docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are being pulled are ended by the mark in their environment."""
    ended: list[list[str]] = []
    monkeypatch.setattr(images, "end_marked", lambda mark: ended.append(mark))
    monkeypatch.setattr(images, "PAUSES", (30.0,))
    docker.token = "0123"
    docker.refusals = {ONE: ["denied"], SITE: [TIMEOUT, TIMEOUT]}
    with pytest.raises(HostError, match="the registry refuses"):
        Images(Docker(docker)).pull({"images.app": ONE, "images.site": SITE})
    assert ended == [["SLIPWAY_COORDINATOR=0123"]]


def test_other_versions_of_kept_images_go_and_used_ones_and_others_stay(docker: FakeDocker) -> None:
    hub, other = "postgres", "ghcr.io/else/app"
    digests = {number: f"@sha256:{number * 64}" for number in "5678"}
    docker.here = dict.fromkeys([ONE, TWO, hub + digests["5"], hub + digests["6"], other + digests["7"]], "app")
    gone = Images(Docker(docker)).prune([TWO, f"docker.io/library/{hub}{digests['5']}"])
    assert sorted(gone) == [hub + digests["6"], ONE]
    assert set(docker.here) == {TWO, hub + digests["5"], other + digests["7"]}


@pytest.mark.parametrize(
    ("user", "root"),
    [("", True), ("root", True), ("0", True), ("0:1000", True), ("1000", False), ("app", False), ("1000:0", False)],
)
def test_root_is_known_by_any_of_its_names(user: str, root: bool) -> None:
    assert is_root(user) == root
