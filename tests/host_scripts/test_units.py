"""systemd units: one question, and only what differs is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host.manifest import Unit
from scripts.host.run import HostError
from scripts.host.units import units
from tests.host_scripts.fake_host import FakeHost

GOOD = {"LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active", "ConditionResult": "yes"}
GOOD |= {"Type": "simple", "Result": "success"}


class Systemd:
    """systemctl with units that become active when they are started, unless told otherwise."""

    def __init__(self, states: dict[str, dict[str, str]], stays: str = "") -> None:
        self.states = {name: GOOD | state for name, state in states.items()}
        self.stays = stays

    def __call__(self, argv: list[str]) -> str | int | None:
        names = [name for name in argv if name in self.states]
        if "start" in argv:
            for name in names:
                self.states[name]["ActiveState"] = self.stays or "active"
            return 1 if self.stays else None
        if argv[0] == "journalctl":
            return "the last words of the unit\n"
        if "show" in argv:
            return "\n".join("".join(f"{key}={value}\n" for key, value in self.states[name].items()) for name in names)
        return None


def run(tmp_path: Path, wanted: list[Unit], systemd: Systemd) -> FakeHost:
    host = FakeHost(tmp_path, systemd)
    units(host, wanted)
    return host


def test_units_that_are_right_cost_one_question(tmp_path: Path) -> None:
    host = run(
        tmp_path,
        [Unit("a.service", True, True), Unit("b.timer", True, True)],
        Systemd({"a.service": {}, "b.timer": {}}),
    )
    assert len(host.ran) == 1
    assert host.said == []


def test_only_what_differs_is_touched_and_all_at_once(tmp_path: Path) -> None:
    systemd = Systemd(
        {
            "a.service": {"UnitFileState": "disabled", "ActiveState": "inactive"},
            "b.service": {"ActiveState": "failed"},
            "c.timer": {},
            "d.service": {"UnitFileState": "static"},
        }
    )
    wanted = [Unit("a.service", True, True), Unit("b.service", True, True), Unit("c.timer", False, False)]
    host = run(tmp_path, [*wanted, Unit("d.service", True, True)], systemd)
    assert host.said == [
        "changed: unit a.service enabled",
        "changed: unit c.timer disabled",
        "changed: unit c.timer stopped",
        "changed: unit a.service started",
        "changed: unit b.service started",
    ]
    assert ["systemctl", "start", "a.service", "b.service"] in host.ran
    assert host.started == {"a.service", "b.service"}


def test_a_unit_that_its_conditions_keep_from_running_is_neither_a_change_nor_a_failure(tmp_path: Path) -> None:
    """Time synchronisation in a container."""
    state = {"ActiveState": "inactive", "ConditionResult": "no"}
    host = run(tmp_path, [Unit("a.service", True, True)], Systemd({"a.service": state}, stays="inactive"))
    assert host.said == []
    assert host.started == set()


def test_a_unit_that_runs_once_and_ends_is_started(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, Systemd({"a.service": {"ActiveState": "failed", "Type": "oneshot"}}))
    units(host, [Unit("a.service", True, True)])
    assert host.started == {"a.service"}


def test_a_unit_that_does_not_start_is_said_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        run(
            tmp_path,
            [Unit("a.service", True, True)],
            Systemd({"a.service": {"ActiveState": "inactive", "Result": "exit-code"}}, stays="failed"),
        )
    assert caught.value.reason == "a.service did not start: journalctl -u a.service says why"
    assert caught.value.tail == ("the last words of the unit",)


@pytest.mark.parametrize("state", ["not-found", "masked"])
def test_a_unit_that_is_not_there_is_said_before_anything_is_touched(
    tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.host.units.in_container", lambda: False)
    host = FakeHost(tmp_path, Systemd({"a.service": {"LoadState": state}, "b.service": {"ActiveState": "inactive"}}))
    with pytest.raises(HostError, match=r"there is no unit a\.service that could run"):
        units(host, [Unit("b.service", True, True), Unit("a.service", True, True)])
    assert len(host.ran) == 1


def test_a_unit_that_is_not_there_and_has_to_be_off_is_fine(tmp_path: Path) -> None:
    state = {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""}
    assert run(tmp_path, [Unit("certbot.timer", False, False)], Systemd({"certbot.timer": state})).said == []


def test_what_a_container_masks_is_left_to_the_machine_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.host.units.in_container", lambda: True)
    systemd = Systemd({"clock.service": {"LoadState": "masked", "ActiveState": "inactive"}})
    assert len(run(tmp_path, [Unit("clock.service", True, True)], systemd).ran) == 1
