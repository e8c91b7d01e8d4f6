"""Whom `make recover` and `make rollback` speak to after an update of a fleet that went well, or failed anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.release_parts import BOOTSTRAP, CONFIRM, FLEET_RELEASE, RELEASE_COMMAND
from plan.build import make_plan
from scripts import recover
from scripts.fleet_order import order_of
from scripts.pulumi_cli import OperatorError
from tests.scripts.fake_programs import Programs, programs, state

RELEASE: dict[str, Any] = {"images": {"api": f"ghcr.io/example/api@sha256:{1:064x}"}, "versions": {"api": "1.0"}}
ONE, TWO, THREE = ("192.0.2.1", "1"), ("192.0.2.2", "2"), ("192.0.2.3", "3")


def host(name: str, of: tuple[str, str]) -> dict[str, str]:
    return {"name": name, "address": of[0], "host_key": f"key of {of[1]}"}


ORDER = {"hosts": [host("web-1", ONE), host("web-2", TWO)], "private_key": "a key", "owner": "pulumi up", "request": {}}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = programs(tmp_path, monkeypatch, RELEASE)
    found.happens("fleet")
    return found


def test_a_host_that_the_failed_update_made_is_spoken_to(fleet: Programs) -> None:
    """VU10: 2→3 and a release in one update, whose coordinator dies."""
    made = {"web-1": ONE, "web-2": TWO, "web-3": THREE}
    fleet.put("state", state(ORDER, ["web-1", "web-2", "web-3"], made))
    recover.recover("prod")
    order = fleet.get("order of recover")
    assert order["hosts"] == [host("web-1", ONE), host("web-2", TWO), host("web-3", THREE)]
    assert (order["private_key"], order["request"]) == ("a key", {})


def test_a_host_that_was_made_anew_is_known_by_its_new_address_and_key(fleet: Programs) -> None:
    anew = ("192.0.2.22", "22")
    there = state(ORDER, ["web-1", "web-2"], {"web-1": ONE, "web-2": anew})
    going = [{**one, "delete": True} for one in state(ORDER, [], {"web-2": TWO}) if "remote" in one["type"]]
    fleet.put("state", [*there, *going])
    assert order_of("prod")[0]["hosts"] == [host("web-1", ONE), host("web-2", anew)]


def test_a_host_that_is_to_go_had_no_part_in_the_release(fleet: Programs) -> None:
    fleet.put("state", state(ORDER, ["web-1"], {"web-1": ONE, "web-2": TWO}))
    assert order_of("prod")[0]["hosts"] == [host("web-1", ONE)]


def test_a_host_that_is_not_set_up_is_left_out_and_named(fleet: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    found = state(ORDER, ["web-1", "web-2", "web-3"], {"web-1": ONE, "web-2": TWO})
    anew = {"triggers": ["22"], "connection": {"host": "192.0.2.22", "hostKey": "first"}}
    begun = [one if not one["urn"].endswith("web-2-host-bootstrap") else {**one, "inputs": anew} for one in found]
    fleet.put("state", begun)
    recover.recover("prod")
    assert fleet.get("order of recover")["hosts"] == [host("web-1", ONE)]
    assert capsys.readouterr().err.splitlines() == [
        f"{name} is not set up, and left out: `pulumi up -s prod` goes on with it" for name in ("web-2", "web-3")
    ]


def test_a_fleet_without_a_host_is_one_line(fleet: Programs) -> None:
    fleet.put("state", state(ORDER, ["web-1"], {}))
    with pytest.raises(OperatorError, match="none of the hosts of prod is set up: run `pulumi up -s prod` first"):
        recover.recover("prod")


def test_a_stack_has_what_is_looked_for_in_its_state() -> None:
    plan = make_plan("staging")
    found = [(resource.type, resource.name, resource.inputs) for resource in plan.graph]
    assert [name for kind, name, _ in found if kind == FLEET_RELEASE] == ["vulcan-staging-fleet"]
    assert [inputs["create"] for kind, _, inputs in found if kind == "command:local:Command"].count(
        RELEASE_COMMAND
    ) == 1
    commands = {name: inputs for kind, name, inputs in found if kind == "command:remote:Command"}
    for host in [host for host in plan.outputs.values["hosts"] if "-data-" not in host]:
        begun, ended = (commands[f"{host}-host-{part}"] for part in (BOOTSTRAP, CONFIRM))
        assert begun["triggers"] == ended["triggers"]
        assert {"host", "hostKey"} <= set(ended["connection"])
