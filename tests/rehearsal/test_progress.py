"""The engine's events as lines for people and as a summary for checks."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation import EngineEvent

from rehearsal.progress import Follower

WEB = "urn:pulumi:toy::slipway::slipway:droplet:Droplet$digitalocean:index/droplet:Droplet::web"


def _event(**parts: Any) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, **parts})


def _step(operation: str, urn: str = WEB, **more: Any) -> dict[str, Any]:
    kind = urn.split("::")[2].split("$")[-1]
    return {"metadata": {"op": operation, "urn": urn, "type": kind, "provider": "", **more}}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def follower(said: list[str]) -> Follower:
    return Follower(said.append, ["hush-hush"])


def test_what_begins_is_said_with_type_and_name(follower: Follower, said: list[str]) -> None:
    follower(_event(resourcePreEvent=_step("create")))
    assert said[0].endswith("s  creating Droplet web")


def test_what_stays_the_same_is_not_worth_a_line(follower: Follower, said: list[str]) -> None:
    follower(_event(resourcePreEvent=_step("same")))
    follower(_event(resOutputsEvent=_step("same")))
    assert said == []
    assert follower.summary().nothing_changed


def test_a_hosts_lines_come_with_its_resources_name_and_without_secrets(follower: Follower, said: list[str]) -> None:
    """ALL3"""
    diagnostic = {"message": "password hush-hush\nnext", "color": "never", "severity": "info", "urn": WEB}
    follower(_event(diagnosticEvent=diagnostic))
    assert [line.split("s  ", 1)[1] for line in said] == ["  web: password •••", "  web: next"]


def test_an_error_is_kept_for_the_end(follower: Follower) -> None:
    follower(_event(diagnosticEvent={"message": "broke", "color": "never", "severity": "error", "urn": WEB}))
    assert follower.errors == ["broke"]


def test_the_engines_remark_on_plugins_is_left_out(follower: Follower, said: list[str]) -> None:
    message = "using pulumi-resource-tls from $PATH at /somewhere"
    follower(_event(diagnosticEvent={"message": message, "color": "never", "severity": "warning"}))
    assert said == []


def test_the_summary_counts_and_names_what_changed(follower: Follower) -> None:
    stack = "urn:pulumi:toy::slipway::pulumi:pulumi:Stack::slipway-toy"
    follower(_event(resOutputsEvent=_step("update", diffs=["size"])))
    follower(_event(resOutputsEvent=_step("update", stack)))
    summary = {
        "maybeCorrupt": False,
        "durationSeconds": 1,
        "resourceChanges": {"update": 1, "same": 4},
        "PolicyPacks": {},
    }
    follower(_event(summaryEvent=summary))
    result = follower.summary()
    assert result.changes == {"update": 1, "same": 4}
    assert result.changed() == ["web"]
    assert not result.nothing_changed
    assert result.steps[0].changed == ("size",)
