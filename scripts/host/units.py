"""systemd units: one question for all, then only what differs is enabled, disabled, started or stopped."""

from __future__ import annotations

from collections.abc import Sequence

from .context import Host, in_container
from .manifest import Unit
from .run import HostError

_PROPERTIES = "Id,Names,LoadState,UnitFileState,ActiveState,ConditionResult,Type,Result,RemainAfterExit,Job"
_AT_BOOT = ("enabled", "static", "alias", "indirect", "generated")
"""States of a unit file with which nothing is left to enable."""

_START_TIMEOUT = 300
"""Seconds: RabbitMQ on the smallest host needs a minute at worst."""


def units(host: Host, wanted: Sequence[Unit]) -> None:
    """Bring each unit to what is wanted. A unit that its own conditions keep from running here is left so."""
    if not wanted:
        return
    states = _show(host, [unit.name for unit in wanted])
    # A container masks what belongs to the machine below it: the clock, udev.
    wanted = [unit for unit in wanted if not (states[unit.name]["LoadState"] == "masked" and in_container())]
    for unit in wanted:
        if (unit.enabled or unit.running) and states[unit.name]["LoadState"] in ("not-found", "masked", "error"):
            raise HostError(f"there is no unit {unit.name} that could run ({states[unit.name]['LoadState']})")
    enable = [unit.name for unit in wanted if unit.enabled and not _enabled(states[unit.name])]
    disable = [unit.name for unit in wanted if not unit.enabled and states[unit.name]["UnitFileState"] == "enabled"]
    _each(host, "enable", "enabled", enable)
    _each(host, "disable", "disabled", disable)
    stop = [unit.name for unit in wanted if not unit.running and _active(states[unit.name])]
    _each(host, "stop", "stopped", stop)
    _start(host, [unit.name for unit in wanted if unit.running and not _active(states[unit.name])])


def _each(host: Host, verb: str, said: str, names: list[str]) -> None:
    if names:
        host.run(["systemctl", "--quiet", verb, *names], timeout=_START_TIMEOUT)
        for name in names:
            host.changed(f"unit {name} {said}")


def _start(host: Host, names: list[str]) -> None:
    """Start all at once (systemd orders them), then look at each.

    A start that a condition stopped is neither a change nor a failure.
    """
    if not names:
        return
    host.run(["systemctl", "reset-failed", *names], accept=(0, 1))
    result = host.run(["systemctl", "start", *names], timeout=_START_TIMEOUT, accept=tuple(range(256)))
    states = _show(host, names)
    for name in names:
        state = states[name]
        if _active(state):
            host.started.add(name)
            host.changed(f"unit {name} started")
        elif state["ConditionResult"] == "no" and state["Result"] == "success":
            continue
        elif state["Type"] == "oneshot" and state["Result"] == "success" and result.code == 0:
            host.started.add(name)
        else:
            raise failure(host, name, "did not start")


def _active(state: dict[str, str]) -> bool:
    return state["ActiveState"] in ("active", "reloading", "activating")


def _enabled(state: dict[str, str]) -> bool:
    return state["UnitFileState"] in _AT_BOOT


def _show(host: Host, names: list[str]) -> dict[str, dict[str, str]]:
    """The properties of each unit by the name we asked for. systemctl answers in the order of the question."""
    answer = host.run(["systemctl", "show", "--property", _PROPERTIES, *names]).stdout
    blocks = [block for block in answer.split("\n\n") if block.strip()]
    if len(blocks) != len(names):
        raise HostError(f"systemctl described {len(blocks)} units where {len(names)} were asked for")
    states: dict[str, dict[str, str]] = {}
    for name, block in zip(names, blocks, strict=True):
        state = dict.fromkeys(_PROPERTIES.split(","), "")
        for line in block.splitlines():
            key, _, value = line.partition("=")
            state[key] = value
        states[name] = state
    return states


def failure(host: Host, unit: str, what: str) -> HostError:
    """An error about a unit with the last lines of its journal."""
    journal = host.run(
        ["journalctl", "--unit", unit, "--lines", "12", "--no-pager", "--quiet", "--output", "cat"],
        accept=tuple(range(256)),
    )
    lines = [host.mask(line) for line in journal.stdout.splitlines() if line.strip()]
    return HostError(f"{unit} {what}: journalctl -u {unit} says why", lines)
