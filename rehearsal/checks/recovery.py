"""Check 5: everything comes back by itself."""

from __future__ import annotations

import time

from rehearsal.checks.check import Result, eventually
from rehearsal.checks.scene import Scene

BOOT_SECONDS = 180
RETURN_SECONDS = 60


def everything_returns(scene: Scene, result: Result) -> None:
    """Check 5."""
    before = scene.serving()
    for pattern in _processes(scene):
        _killed(scene, result, pattern)
    for unit in ("redis-server", "rabbitmq-server"):
        scene.root("systemctl", "restart", unit)
        result.expect(
            f"after a restart of {unit} all is well again",
            eventually(lambda: _well(scene), RETURN_SECONDS),
            _trouble(scene),
        )
    begun = time.monotonic()
    scene.cloud.reboot(scene.host.id)
    result.expect("after a reboot all is well again", eventually(lambda: _well(scene), BOOT_SECONDS), _trouble(scene))
    result.expect(
        f"the same release serves ({time.monotonic() - begun:.0f} s after the reboot began)",
        scene.serving().get("release") == before.get("release"),
        scene.serving(),
    )
    failed = scene.root("systemctl", "--failed", "--no-legend", "--plain").stdout.strip()
    result.expect("no unit has failed", not failed, failed)


def _killed(scene: Scene, result: Result, pattern: str) -> None:
    before = set(scene.root("pgrep", "-f", pattern).stdout.split())
    result.expect(f"{pattern!r} runs", bool(before), "no such process")
    scene.root("kill", "-9", *before)

    def runs_anew() -> bool:
        now = set(scene.root("pgrep", "-f", pattern).stdout.split())
        return bool(now) and not now & before

    anew = eventually(runs_anew, RETURN_SECONDS)
    result.expect(f"{pattern!r} runs anew after kill -9", anew, scene.root("pgrep", "-fa", pattern).stdout)
    well = eventually(lambda: _well(scene), RETURN_SECONDS)
    result.expect(f"after kill -9 of {pattern!r} all is well again", well, _trouble(scene))


def _processes(scene: Scene) -> list[str]:
    """What `pgrep -f` finds each process by: the product's own, and those around them."""
    services = scene.settings.product.services_of("web", "worker", "scheduler").values()
    commands = [service.command.split(" --")[0] for service in services if service.command]
    around = [f"PM2.*God Daemon.*{scene.settings.product.name}", "nginx: master", "redis-server", "beam.smp"]
    return commands + around


def _well(scene: Scene) -> bool:
    visitor = scene.visitor
    if scene.health().status != 200:
        return False
    queued = visitor.https("/api/tasks/", "POST", {"kind": "summary"})
    if queued.status != 202:
        return False
    task = queued.json()["id"]
    count = visitor.https("/api/heartbeat/").json()["count"]
    done = eventually(lambda: visitor.https(f"/api/tasks/{task}/").json().get("state") == "SUCCESS", 15)
    return done and eventually(lambda: bool(visitor.https("/api/heartbeat/").json()["count"] > count), 20)


def _trouble(scene: Scene) -> str:
    try:
        answer = scene.health()
        return f"{answer.status}: {answer.body[:300]!r}"
    except OSError as error:
        return str(error)
