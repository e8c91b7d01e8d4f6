"""What ends a fleet's release from outside: a coordinator that is killed, a host without power, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.checks.check import Result, eventually
from rehearsal.checks.fleet import TWO_CHECKS, heard, noticed_within, versions_of
from rehearsal.checks.releases import one_slot_runs
from rehearsal.checks.scene import Scene

DEATHS = ("preflight", "environment", "migrate", "health", "switch", "after-switch")
"""Steps of the first host after which the coordinator is killed: around the ends of each segment of a release."""
STEP_WITHIN = 300
"""Seconds in which a release reaches any of its steps, on a machine that is as busy as that."""


def any_death_leaves_one_version(scene: Scene, result: Result) -> None:
    """The coordinator is killed at each segment, a host loses power during the switch, somebody presses Ctrl-C: one
    version serves after."""
    with scene.load() as load:
        for step in DEATHS:
            _coordinator_dies(scene, result, step)
    load.expect_no_failures(result, "the coordinator dies: ")
    _host_dies(scene, result)
    _engine_is_interrupted(scene, result)


def _coordinator_dies(scene: Scene, result: Result, step: str) -> None:
    with _releasing(scene, step) as there:
        killed = _signal(lambda words: b"scripts.fleet" in words and b"release" in words, signal.SIGKILL)
    result.expect(f"the coordinator is killed after {step}", there and killed, _step(scene))
    done = scene.coordinator("recover")
    said = f"{done.stdout}{done.stderr}"
    one = len({frozenset(scene.runs(host)) for host in scene.hosts}) == 1
    result.expect(
        f"killed after {step}: `make recover` leaves one version on all hosts", one and done.returncode == 0, said
    )
    one_slot_runs(scene, result, f"killed after {step}")


def _host_dies(scene: Scene, result: Result) -> None:
    before, last = scene.current(), scene.hosts[-1]
    said = scene.release(before)  # what `make recover` has finished, the engine does not know yet
    result.expect("an `up` of what serves succeeds", not said, said[-800:])
    with scene.load() as load:
        with _releasing(scene, "switch") as there:
            cut = time.time()
            scene.cloud.power_off(last.id)
        result.expect("a host loses power while another switches", there, _step(scene))
        served = [host for host in scene.hosts if host.id != last.id]
        held = all(scene.runs(host) == set(scene.versions[before].values()) for host in served)
        result.expect("the others are back on what served before", held, versions_of(scene, served))
        scene.cloud.power_on(last.id)
        scene.cloud.wait_booted(last.id)
        whole = eventually(lambda: scene.serves(before), 120)
        result.expect("the lost host comes back to it by itself", whole, versions_of(scene))
        time.sleep(TWO_CHECKS)
    load.expect_those_on_their_way(result, "a host loses power: ", cut, noticed_within(scene))
    one_slot_runs(scene, result, "a host lost power")


def _engine_is_interrupted(scene: Scene, result: Result) -> None:
    """Ctrl-C during `pulumi up`, after the first host's migration: no `make recover` is needed."""
    before = scene.current()
    with scene.load() as load, _releasing(scene, "migrate") as there:
        engine = _signal(lambda words: words[0].endswith(b"/pulumi") and b"up" in words, signal.SIGINT, scene.directory)
    load.expect_no_failures(result, "the engine is interrupted: ")
    result.expect("the engine is interrupted while it releases", there and engine, _step(scene))
    result.expect("the engine is interrupted: every host serves what it did", scene.serves(before), versions_of(scene))
    one_slot_runs(scene, result, "the engine is interrupted")
    said = scene.release(before)
    result.expect(
        "the engine is interrupted: the next `up` needs nobody to put anything in order", not said, said[-800:]
    )


def _step(scene: Scene) -> str:
    told = scene.root("slipway", "status", "--json").stdout
    under_way = json.loads(told or "{}").get("under_way") or {}
    return str(under_way.get("step", ""))


def _signal(wanted: Callable[[list[bytes]], bool], number: signal.Signals, where: Path | None = None) -> bool:
    """Signal this machine's processes whose command is wanted, of those in a directory where one is said. Whether there
    was one."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if wanted(words) and (where is None or (entry / "cwd").samefile(where)):
                found.append(int(entry.name))
        except OSError:  # no process, or one that has ended
            continue
    for pid in found:
        os.kill(pid, number)
    return bool(found)


@contextmanager
def _releasing(scene: Scene, step: str) -> Iterator[bool]:
    """A release under way, as soon as the coordinator tells that the first host has taken this step: whether it does.
    Waits for the release's end.
    """
    reached, line_of = threading.Event(), re.compile(rf"{re.escape(scene.host.name)}: {step} +[0-9.]+ s")

    def note(line: str) -> None:
        if line_of.search(line):
            reached.set()

    release = threading.Thread(target=scene.release, args=(scene.another(),))
    with heard(scene, note):
        release.start()
        try:
            yield reached.wait(STEP_WITHIN)
        finally:
            release.join()
