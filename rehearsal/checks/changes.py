"""Check 7: what changes is what was changed, and nothing else."""

from __future__ import annotations

import json
import time

from rehearsal.checks.check import Result
from rehearsal.checks.scene import RANGES, Scene
from settings.kinds import FleetCompose

AN_HOUR = 3600


def second_up_changes_nothing(scene: Scene, result: Result) -> None:
    """Check 7, its part that every rehearsal can afford."""
    summary = scene.rehearsal.up()
    result.expect("a second `up`: all the same", summary.nothing_changed, (summary.changes, summary.changed()))
    for host in scene.hosts:
        again = scene.root("slipway", "apply", "--again", host=host)
        last = again.stdout.strip().splitlines()[-1:]
        said = again.stdout + again.stderr
        result.expect(f"{host.name} says 0 changed", again.returncode == 0 and last == ["0 changed"], said)
    drifted = scene.rehearsal.refresh()
    result.expect("a refresh finds no drift", not drifted.changed(), (drifted.changes, drifted.changed()))


def one_change_changes_one_thing(scene: Scene, result: Result) -> None:
    """Check 7, the rest."""
    name = scene.settings.name
    variant = next(each for each in ("main", "good") if scene.versions[each] != scene.configured())
    changed = scene.rehearsal.up({scene.version_key: scene.versions[variant]}).changed()
    fleet = isinstance(scene.settings.architecture, FleetCompose)
    release = f"{name}-fleet-release" if fleet else f"{name}-host-release"
    result.expect("a new version: only the release runs", changed == [release], changed)
    ranges = scene.rehearsal.workspace.read_config()["slipway:access"]["admin_cidrs"]
    changed = scene.rehearsal.up({RANGES: [*ranges, "198.51.100.24/32"]}).changed()
    hosts = scene.rehearsal.cloud.hosts() if fleet else scene.hosts  # those of data and a balancer's, too
    setups = [f"{host.name}-host" if fleet else f"{name}-host" for host in hosts]
    own_balancer = [f"{host.name}-firewall-rules" for host in hosts if host.name == f"{name}-balancer"]
    expected = [
        *(f"{name}-firewall-rules", *own_balancer),
        *(f"{setup}-{what}" for setup in setups for what in ("apply", "firewall-confirm")),
    ]
    result.expect("a changed admin range: only firewalls change", sorted(changed) == sorted(expected), changed)
    for host in hosts:
        rules = scene.root("ufw", "status", host=host).stdout
        result.expect(f"{host.name}'s own firewall knows the new range", "198.51.100.24" in rules, rules)
    scene.rehearsal.up({RANGES: ranges})


def destroyed_but_for_the_data(scene: Scene, result: Result) -> None:
    """Check 7, its end, where data lies beside what serves: `destroy` leaves what is protected, and `up` finds it."""
    protected = {each for each, kept in _resources(scene).items() if kept}
    write(scene)
    before = written(scene)
    scene.rehearsal.destroy_unprotected()
    left = _resources(scene)
    result.expect(f"destroy leaves what is protected: {', '.join(sorted(protected))}", protected <= left.keys(), left)
    running = [host.name for host in scene.cloud.hosts()] + [app.name for app in scene.cloud.managed.apps.all()]
    result.expect("no host and no app is left", not running, running)
    kept = [server.name for server in scene.cloud.managed.databases.all() if server.running]
    wanted = len([each for each in protected if each.endswith("-cluster")])
    result.expect(f"{wanted} databases run on", len(kept) == wanted, kept)
    _made_again(scene, result)
    result.expect("with the data that there was", written(scene) == before, before[:80])


def _resources(scene: Scene) -> dict[str, bool]:
    """What the engine has made, by name, and whether it is protected."""
    custom = [each for each in scene.rehearsal.resources() if each.get("custom")]
    return {str(each["urn"]).rpartition("::")[2]: bool(each.get("protect")) for each in custom}


def write(scene: Scene) -> None:
    """Write what the load writes. RuntimeError where the sample does not say then that it is there."""
    target = _writes(scene)
    body = json.loads(target["body"])
    scene.visitor_of(target.get("host", "")).https(target["path"], "POST", body)
    found = written(scene)
    if not any(value.encode() in found for value in body.values() if isinstance(value, str)):
        raise RuntimeError(f"{target['path']} does not have what was written: {found[:200]!r}")


def written(scene: Scene) -> bytes:
    """What the sample tells of all that was written into it: its load reads where it writes."""
    target = _writes(scene)
    return scene.visitor_of(target.get("host", "")).https(target["path"]).body


def _writes(scene: Scene) -> dict[str, str]:
    return next(target for target in scene.targets if target["method"] == "POST")


def destroyed_and_made_again(scene: Scene, result: Result) -> None:
    """Check 7, its end: `destroy`, then `up`."""
    scene.rehearsal.destroy()
    left = [host.name for host in scene.cloud.hosts()]
    result.expect("destroy leaves no host", not left, left)
    _made_again(scene, result)


def _made_again(scene: Scene, result: Result) -> None:
    begun = time.monotonic()
    scene.rehearsal.up()
    scene.look_again()
    answer, seconds = scene.health(), time.monotonic() - begun
    result.expect(f"an `up` after it serves again, {seconds:.0f} s later", answer.status == 200, answer.body)
    # DV12 promises it of a disaster; what a backup brings back comes on top
    result.expect("from nothing to service in under an hour", seconds < AN_HOUR, seconds)
