"""`make release IMAGES=…`, `rollback` and `recover` where hosts run images: digests run, tags are for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import read_only, recover, release, rollback
from scripts.pulumi_cli import OperatorError
from tests.scripts.fake_programs import KEY, Programs, programs, state

REPOSITORY = "ghcr.io/example"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def images(api: int, site: int) -> dict[str, str]:
    return {"api": f"{REPOSITORY}/api@{digest(api)}", "site": f"{REPOSITORY}/site@{digest(site)}"}


OLD: dict[str, Any] = {"images": images(1, 1), "versions": {"api": "1.0", "site": "1.0"}}
OLDER: dict[str, Any] = {"images": images(0, 1), "versions": {"api": "0.9", "site": "1.0"}}
HOSTS = [{"name": "web-1", "address": "192.0.2.1", "host_key": "key of 1"}]
ORDER = {"hosts": HOSTS, "private_key": "a key", "owner": "pulumi up -s prod", "request": {}}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """One host; every tag leads to a digest that ends with its number."""

    def resolve(repository: str, tag: str) -> str:
        return f"{repository}@{digest(int(tag.replace('.', '')))}"

    monkeypatch.setattr(release, "resolve", resolve)
    return programs(tmp_path, monkeypatch, OLD)


@pytest.fixture
def fleet(host: Programs) -> Programs:
    """Hosts that are released as one."""
    host.put("outputs", {"address": "192.0.2.80"})
    host.happens("fleet")
    host.put("state", state(ORDER, ["web-1"], {"web-1": ("192.0.2.1", "1")}))
    return host


def test_a_tag_is_resolved_once_and_both_are_written_down(host: Programs) -> None:
    """VU3: what runs is a digest, and people see the tag."""
    release.release("prod", images="api=1.9")
    assert host.get("release") == {"images": images(19, 1), "versions": {"api": "1.9", "site": "1.0"}}
    written = [call[4] for call in host.calls() if call[1:3] == ["config", "set"]]
    assert written == [f"{KEY}.images.api", f"{KEY}.versions.api"], "what stays is not written again"


def test_a_version_is_for_all_images(host: Programs) -> None:
    """DV4: deploy by version."""
    release.release("prod", version="2.0")
    assert host.get("release") == {"images": images(20, 20), "versions": {"api": "2.0", "site": "2.0"}}


@pytest.mark.parametrize("given", [digest(7), f"{REPOSITORY}/api@{digest(7)}"])
def test_a_digest_is_taken_as_it_is_and_has_no_tag(host: Programs, given: str) -> None:
    release.release("prod", images=f"api={given}")
    assert host.get("release") == {"images": images(7, 1), "versions": {"site": "1.0"}}


def test_a_tag_that_looks_like_a_number_stays_a_text(host: Programs) -> None:
    release.release("prod", images="api=12")
    [call] = [call for call in host.calls() if f"{KEY}.versions.api" in call]
    assert call[call.index("--type") + 1] == "string"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("worker=1.0", "there is no image 'worker' in release.images, which has api, site"),
        ("api", "'api' is no image with its tag or digest"),
        ("api=", "'api=' is no image with its tag or digest"),
        ("api=1.0 api=2.0", "IMAGES: api is there twice, should be once"),
        ("api=-x", "api='-x' is no tag such as 1.9.0"),
        ("api=sha256:abc", "is no tag such as 1.9.0, and no digest"),
        ("api=../../x", "is no tag such as 1.9.0"),
    ],
)
def test_what_is_no_image_is_refused_before_anything_is_written(host: Programs, given: str, reason: str) -> None:
    with pytest.raises(OperatorError, match=reason):
        release.release("prod", images=given)
    assert host.get("release") == OLD


def test_a_stack_that_is_released_by_images_takes_no_commit(host: Programs) -> None:
    with pytest.raises(OperatorError, match="prod is released by IMAGES="):
        release.release("prod", commit="a" * 40)
    assert host.get("release") == OLD


def test_after_a_failed_release_of_images_the_stack_file_says_what_runs(host: Programs) -> None:
    host.happens("fails")
    with pytest.raises(
        OperatorError, match=r"api 2\.0, site 2\.0 was not released: prod still runs api 1\.0, site 1\.0"
    ):
        release.release("prod", version="2.0")
    assert host.get("release") == OLD


def test_after_a_failed_release_by_digest_the_tags_are_back_too(host: Programs) -> None:
    host.happens("fails")
    with pytest.raises(OperatorError, match="was not released: prod still runs api 1"):
        release.release("prod", images=f"api={digest(7)}")
    assert host.get("release") == OLD


def test_a_rollback_of_images_is_told_by_the_host_s_ledger(host: Programs) -> None:
    host.put("before", OLDER)
    rollback.rollback("prod")
    assert host.get("release") == OLDER


def test_every_host_of_a_fleet_is_made_read_only_by_its_coordinator(fleet: Programs) -> None:
    """DV10."""
    read_only.read_only("prod", "1")
    assert fleet.get("read-only") == "on"
    assert fleet.get("order of read-only") == {**ORDER, "owner": "make read-only STACK=prod", "take_over": False}


def test_a_fleet_is_rolled_back_by_its_coordinator_and_the_key_goes_in_by_a_pipe(
    fleet: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """ALL3."""
    fleet.put("before", OLDER)
    rollback.rollback("prod")
    assert fleet.get("release") == OLDER
    assert fleet.get("order of rollback") == {**ORDER, "owner": "make rollback STACK=prod", "take_over": False}
    assert ["python", "-m", "scripts.fleet", "rollback"] in fleet.calls()
    assert "a key" not in json.dumps(fleet.calls())
    assert "prod runs api 0.9, site 1.0 again" in capsys.readouterr().out


@pytest.mark.parametrize("take_over", [False, True])
def test_a_fleet_s_recovery_ends_with_the_stack_file_naming_what_serves(fleet: Programs, take_over: bool) -> None:
    fleet.put("release", {**OLD, "images": images(9, 9)})
    recover.recover("prod", take_over)
    assert fleet.get("release") == OLD
    assert fleet.get("order of recover")["take_over"] == take_over
    assert fleet.get("order of status")["take_over"] is False, "looking takes over nothing"


def test_a_fleet_that_was_rolled_back_but_for_a_host_that_is_off_is_told_and_written_down(fleet: Programs) -> None:
    fleet.put("before", OLDER)
    fleet.put("hosts", {"web-1": OLDER, "web-2": None})
    fleet.happens("rollback fails")
    with pytest.raises(OperatorError, match=r"rollback failed: see above; prod runs api 0\.9, site 1\.0"):
        rollback.rollback("prod")
    assert fleet.get("release") == OLDER


def test_a_fleet_that_is_not_up_has_nothing_to_return_to(fleet: Programs) -> None:
    fleet.put("state", [{"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:prod::slipway::pulumi:pulumi:Stack::prod"}])
    with pytest.raises(OperatorError, match="has released on no fleet yet: run `pulumi up -s prod` first"):
        rollback.rollback("prod")
    assert fleet.get("release") == OLD


@pytest.mark.parametrize("hosts", [{"web-1": OLD, "web-2": OLDER}, {"web-1": OLD, "web-2": {"release": None}}, {}])
def test_hosts_that_do_not_agree_leave_the_stack_file_alone(fleet: Programs, hosts: dict[str, Any]) -> None:
    fleet.put("hosts", hosts)
    with pytest.raises(OperatorError, match="make recover"):
        recover.recover("prod")
    assert fleet.get("release") == OLD


def test_the_update_of_a_fleet_that_failed_asks_all_its_hosts(fleet: Programs) -> None:
    fleet.happens("fails")
    with pytest.raises(OperatorError, match="was not released: prod still runs"):
        release.release("prod", version="2.0")
    assert fleet.get("release") == OLD
    assert not [call for call in fleet.calls() if call[0] == "ssh"]


def test_a_fleet_that_does_not_answer_leaves_it_to_a_person(fleet: Programs) -> None:
    fleet.happens("fails")
    fleet.happens("unreachable")
    with pytest.raises(OperatorError, match=r"names api 2\.0, site 2\.0 now, api 1\.0, site 1\.0 before"):
        release.release("prod", version="2.0")
