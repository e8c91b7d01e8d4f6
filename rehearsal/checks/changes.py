"""Check 7: what changes is what was changed, and nothing else."""

from __future__ import annotations

from rehearsal.checks.check import Result
from rehearsal.checks.scene import RANGES, Scene
from settings.kinds import FleetCompose


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
    hosts = [f"{host.name}-host" if fleet else f"{name}-host" for host in scene.hosts]
    expected = [
        f"{name}-firewall-rules",
        *(f"{host}-{what}" for host in hosts for what in ("apply", "firewall-confirm")),
    ]
    result.expect("a changed admin range: only firewalls change", sorted(changed) == sorted(expected), changed)
    for host in scene.hosts:
        rules = scene.root("ufw", "status", host=host).stdout
        result.expect(f"{host.name}'s own firewall knows the new range", "198.51.100.24" in rules, rules)
    scene.rehearsal.up({RANGES: ranges})


def destroyed_and_made_again(scene: Scene, result: Result) -> None:
    """Check 7, its end: `destroy`, then `up`."""
    scene.rehearsal.destroy()
    left = [host.name for host in scene.cloud.hosts()]
    result.expect("destroy leaves no host", not left, left)
    scene.rehearsal.up()
    scene.look_again()
    answer = scene.health()
    result.expect("an `up` after it serves again", answer.status == 200, answer.body)
