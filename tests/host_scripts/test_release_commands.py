"""`slipway release`, `rollback` and `status` on a host that runs containers, from what is typed to what is said."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from scripts.host import ledger, release, status
from scripts.host.run import HostError
from scripts.host.slots import Slots
from tests.host_scripts.fake_fleet import DIGEST, REQUEST, FakeFleet, Host
from tests.host_scripts.fake_releases import OLD


@pytest.fixture
def host(place: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host on which an old release serves."""
    return FakeFleet(place, "second", monkeypatch, hosts=1).hosts[0]


def asked(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """What comes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({**REQUEST, "owner": "alice", **changes})))


def test_images_are_released_and_noted_with_their_versions(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch)
    assert release.main([], host.place) == 0
    assert host.effects.fetched == [{"app": DIGEST}]
    assert ledger.main([], host.place.state) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("released  app 2.0")
    started = [json.loads(text) for text in (host.place.state / "ledger.jsonl").read_text().splitlines()][-20:]
    noted = next(entry for entry in started if entry["event"] == "started" and entry["release"] != OLD)
    assert (noted["images"], noted["versions"]) == (REQUEST["images"], REQUEST["versions"])


def test_a_commit_is_not_for_a_host_that_runs_images(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"commit": "%s", "revision": "1", "owner": "a"}' % ("c" * 40)))
    with pytest.raises(HostError, match="this host runs images"):
        release.main([], host.place)
    assert host.fleet.trouble.passed == []


def test_a_rollback_to_a_release_that_is_gone_asks_for_the_digests_in_the_ledger(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """VU5: automatic rollback to the digests in the release log."""
    asked(monkeypatch)
    assert release.main([], host.place) == 0
    new = host.serving()
    assert new is not None
    assert release.rollback_main([], host.place) == 0
    assert host.serving() == OLD
    assert host.effects.fetched == [{"app": DIGEST}], "the old one is still there"
    shutil.rmtree(host.directory / "root" / "releases" / new)
    assert release.rollback_main([new], host.place) == 0
    assert host.serving() == new
    assert host.effects.fetched == [{"app": DIGEST}] * 2
    assert f"returned to {new}" in capsys.readouterr().out
    host.assert_at_rest("rolled back twice")


def test_status_says_the_versions_that_serve(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    root = host.directory / "root"
    (root / "releases" / OLD).mkdir(exist_ok=True)
    identity = {"release": OLD, "commit": "a" * 40, "versions": {"app": "1.9", "site": "3.0"}}
    (root / "releases" / OLD / "identity.json").write_text(json.dumps(identity))
    slots = Slots(host.place.layout()[0])
    slots.assign("blue", OLD)
    slots.switch("blue")
    assert status.main([], host.place.etc, host.place.state) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"serving {OLD} (commit {'a' * 40}, slot blue)")
    assert said[1:3] == ["  app 1.9", "  site 3.0"]
    assert status.main(["--json"], host.place.etc, host.place.state) == 0
    assert json.loads(capsys.readouterr().out)["versions"] == identity["versions"]
    assert host.call("status")["live"] == OLD
