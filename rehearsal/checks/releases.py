"""Check 6: releases, good and bad, under load."""

from __future__ import annotations

import json
import threading
import time

from rehearsal.checks.check import Result, eventually
from rehearsal.checks.footing import live_slot, running, wanted
from rehearsal.checks.scene import Scene

BAD = {"health-fails": "health", "crash": "health", "migration-fails": "migrate", "build-fails": "build"}
"""Bad versions, as far as a sample has them, and the step at which each has to be found out."""
POWER_CUT = "additive-migration"


def releases_drop_nothing(scene: Scene, result: Result) -> None:
    """Check 6."""
    _good(scene, result)
    for variant, step in BAD.items():
        if variant in scene.versions:
            _bad(scene, result, variant, step)
    _power_cut(scene, result)
    _rollback(scene, result)


def _good(scene: Scene, result: Result) -> None:
    with scene.load() as load:
        said = scene.release("good")
    load.expect_no_failures(result, "good release: ")
    result.expect("the new release serves", scene.serves("good"), said[-800:] or scene.serving())
    result.expect("both releases answered during it", len(load.served_by) == 2, load.served_by)
    one_slot_runs(scene, result, "good release")


def _bad(scene: Scene, result: Result, variant: str, step: str) -> None:
    before = scene.serving()
    with scene.load() as load:
        said = scene.release(variant)
    load.expect_no_failures(result, f"{variant}: ")
    named = f"release failed at step {step}: " in said
    result.expect(f"{variant}: the update fails and names the step {step!r}", named, said[-800:] or "it succeeded")
    now = scene.serving()
    result.expect(f"{variant}: the old release serves", now["release"] == before["release"], now)
    one_slot_runs(scene, result, variant)
    alone = set(load.served_by) == {before["release"]}
    result.expect(f"{variant}: only the old release answered", alone, load.served_by)


def _power_cut(scene: Scene, result: Result) -> None:
    before = scene.serving()
    variant = POWER_CUT if POWER_CUT in scene.versions else scene.another()
    with scene.load() as load:
        release = threading.Thread(target=scene.release, args=(variant,))
        release.start()
        building = eventually(lambda: "step" in scene.root("slipway", "status").stdout, 60)
        time.sleep(8)
        cut = time.time()
        scene.cloud.power_off(scene.host.id)
        time.sleep(2)
        scene.cloud.power_on(scene.host.id)
        back = eventually(lambda: scene.health().status == 200, 180)
        returned = time.time() + 1
        release.join()
    result.expect("power is cut while a release is under way", building, scene.root("slipway", "status").stdout)
    result.expect(f"the host serves again by itself, {returned - cut:.0f} s after the power was cut", back)
    load.expect_no_failures(result, "power cut: ", outside=(cut - 1, returned))
    serving = scene.serving()
    whole = serving["release"] == before["release"] or scene.serves(variant)
    result.expect("one whole release serves after it", whole, serving)
    said = scene.release(variant)
    came = scene.serves(variant)
    result.expect("the next update brings the release that was cut short", came, said[-800:] or scene.serving())
    one_slot_runs(scene, result, "power cut")


def _rollback(scene: Scene, result: Result) -> None:
    """What `make rollback` has the host do: return to a release that it still has, without building it."""
    before = scene.serving()
    with scene.load() as load:
        done = scene.root("slipway", "rollback")
    load.expect_no_failures(result, "rollback: ")
    now = scene.serving()
    said = done.stdout + done.stderr
    result.expect(
        "rollback: another release serves", done.returncode == 0 and now["release"] != before["release"], said
    )
    result.expect("rollback: nothing was built", "build" not in said, said)
    told = json.loads(scene.root("slipway", "status", "--json").stdout)["serving"]
    result.expect("rollback: the host's status says so", told == now["release"], (told, now))
    one_slot_runs(scene, result, "rollback")


def one_slot_runs(scene: Scene, result: Result, when: str) -> None:
    """On every host each service of the slot that serves runs, as often as it should, and nothing of the other slot."""
    for host in scene.hosts:
        slot = live_slot(scene, host)
        held = eventually(lambda host=host, slot=slot: running(scene, host) == wanted(scene, slot, host), 30)  # type: ignore[misc]
        on = f" on {host.name}" if len(scene.hosts) > 1 else ""
        result.expect(f"{when}: one slot runs{on}, and no other", held, (running(scene, host), slot))
