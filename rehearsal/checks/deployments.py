"""Check 6 where the cloud's platform deploys: good deployments and bad ones under load, and what they leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rehearsal.checks.check import Result, eventually
from rehearsal.checks.scene import Scene
from rehearsal.provider.digitalocean.app import deployments
from rehearsal.provider.store import Store

BAD = {"health-fails": ("app", "DeployContainerHealthChecksFailed"),
       "migration-fails": ("migrate", "DeployContainerExitNonZero")}  # fmt: skip
"""Bad versions, and what the platform has to report of them: the component, and its word for what went wrong."""
SLOW, SLOW_SECONDS, SLOW_EVERY = "/slow?seconds=25", 25, 4
"""A request that takes longer than a deployment takes to switch, and how often one is begun."""
DRAINED_WITHIN = 90
"""Seconds in which instances that were replaced are gone: 30 to drain, 30 to stop, and the machine's own."""


def deployed(scene: Scene) -> list[dict[str, Any]]:
    """All deployments so far, the first one first."""
    return deployments(Store(scene.rehearsal.workspace.account).read(), scene.settings.name)


def deployments_drop_nothing(scene: Scene, result: Result) -> None:
    """Check 6."""
    _good(scene, result)
    for variant, (part, word) in BAD.items():
        _bad(scene, result, variant, scene.versions[variant], part, word)
    images = scene.versions[scene.current()]
    missing = {name: f"{image.partition('@')[0]}@sha256:{'0' * 64}" for name, image in images.items()}
    _bad(scene, result, "missing digest", missing, "sha256:000000000000", "not found")
    _told_again(scene, result)


def _good(scene: Scene, result: Result) -> None:
    before = deployed(scene)
    wanted = scene.another()
    with scene.load() as load, _slow_requests(scene) as slow:
        said = scene.release(wanted)
    load.expect_no_failures(result, "good version: ")
    result.expect("good version: it serves", scene.serves(wanted), said[-800:] or scene.serving())
    result.expect("good version: both versions answered during it", len(load.served_by) == 2, load.served_by)
    result.expect("good version: one deployment", len(deployed(scene)) == len(before) + 1, deployed(scene))
    crossed = len({each["by"] for each in slow})
    fine = bool(slow) and all(each["status"] == 200 for each in slow)
    result.expect(f"good version: {len(slow)} requests of {SLOW_SECONDS} s meanwhile, all answered", fine, slow)
    result.expect("good version: some of them by the old instances, some by the new", crossed == 2, slow)
    _expect_migrated_once(scene, result, "good version")
    _expect_drained(scene, result, "good version")


@contextmanager
def _slow_requests(scene: Scene) -> Iterator[list[dict[str, Any]]]:
    """Slow requests, begun one after the other for as long as the block runs; what became of each, at the end."""
    seen: list[dict[str, Any]] = []
    stop = threading.Event()

    def ask() -> None:
        begun = time.time()
        try:
            answer = scene.visitor.https(SLOW)
            by = answer.json()["release"] if answer.status == 200 else ""
            seen.append({"by": by, "status": answer.status, "seconds": round(time.time() - begun, 1)})
        except OSError as error:
            seen.append({"by": "", "status": f"{type(error).__name__}: {error}"})

    def begin() -> None:
        while not stop.is_set():
            asked.append(threading.Thread(target=ask))
            asked[-1].start()
            stop.wait(SLOW_EVERY)

    asked: list[threading.Thread] = []
    beginner = threading.Thread(target=begin)
    beginner.start()
    try:
        yield seen
        time.sleep(SLOW_EVERY)  # at least one on the new instances
    finally:
        stop.set()
        beginner.join()
        for thread in asked:
            thread.join()


def _bad(scene: Scene, result: Result, what: str, version: Any, part: str, word: str) -> None:
    before, serving = scene.current(), scene.serving()
    with scene.load() as load:
        said = scene.release_version(version)
    load.expect_no_failures(result, f"{what}: ")
    told = "error deploying app" in said and part in said and word in said
    result.expect(f"{what}: the update fails, and names {part} and {word!r}", told, said[-800:] or "it succeeded")
    result.expect(f"{what}: the old version serves", scene.serves(before), scene.serving())
    alone = set(load.served_by) == {str(serving["release"])}
    result.expect(f"{what}: only the old version answered", alone, load.served_by)
    result.expect(f"{what}: the platform counts it as failed", deployed(scene)[-1]["phase"] == "ERROR", deployed(scene))
    _expect_migrated_once(scene, result, what)
    _expect_drained(scene, result, what)


def _told_again(scene: Scene, result: Result) -> None:
    """The platform still has the specification that failed: the next update brings back the one that serves."""
    with scene.load() as load:
        changed = scene.rehearsal.up().changed()
    load.expect_no_failures(result, "after a failure: ")
    app = f"{scene.settings.name}-app"
    result.expect("after a failure: the next update changes the app alone", changed == [app], changed)
    again = scene.rehearsal.up()
    result.expect("after a failure: and the one after that nothing", again.nothing_changed, again.changed())


def _expect_migrated_once(scene: Scene, result: Result, when: str) -> None:
    ran = scene.visitor.https("/migrations").json()
    once = bool(ran) and set(ran.values()) == {1}
    result.expect(f"{when}: each migration has run once", once, ran)


def _expect_drained(scene: Scene, result: Result, when: str) -> None:
    apps, app = scene.cloud.managed.apps, scene.app.id

    def alone() -> bool:
        serving = {record.id for record in apps.serving(app)}
        return {record.id for record in apps.instances.of(app, "instance", "job")} == serving

    gone = eventually(alone, DRAINED_WITHIN)
    left = [record.deployment for record in apps.instances.of(app, "instance", "job")]
    result.expect(f"{when}: nothing is left of any other deployment", gone, left)
