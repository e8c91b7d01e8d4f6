"""Check 7: what changes is what was changed, and nothing else."""

from __future__ import annotations

from rehearsal.checks.check import Result
from rehearsal.checks.scene import COMMIT, RANGES, Scene


def second_up_changes_nothing(scene: Scene, result: Result) -> None:
    """Check 7, its part that every rehearsal can afford."""
    summary = scene.rehearsal.up()
    result.expect("a second `up`: all the same", summary.nothing_changed, (summary.changes, summary.changed()))
    again = scene.root("slipway", "apply", "--again")
    last = again.stdout.strip().splitlines()[-1:]
    result.expect(
        "the host says 0 changed", again.returncode == 0 and last == ["0 changed"], again.stdout + again.stderr
    )
    drifted = scene.rehearsal.refresh()
    result.expect("a refresh finds no drift", not drifted.changed(), (drifted.changes, drifted.changed()))


def one_change_changes_one_thing(scene: Scene, result: Result) -> None:
    """Check 7, the rest."""
    name = scene.settings.name
    variant = "main" if scene.serving()["commit"] != scene.commits["main"] else "good"
    changed = scene.rehearsal.up({COMMIT: scene.commits[variant]}).changed()
    result.expect("a new commit: only the release runs", changed == [f"{name}-host-release"], changed)
    ranges = scene.rehearsal.workspace.read_config()["slipway:access"]["admin_cidrs"]
    changed = scene.rehearsal.up({RANGES: [*ranges, "198.51.100.24/32"]}).changed()
    expected = [f"{name}-firewall-rules", f"{name}-host-apply", f"{name}-host-firewall-confirm"]
    result.expect(
        "a changed admin range: only the cloud's and the host's firewall change", changed == expected, changed
    )
    rules = scene.root("ufw", "status").stdout
    result.expect("the host's own firewall knows the new range", "198.51.100.24" in rules, rules)
    scene.rehearsal.up({RANGES: ranges})


def destroyed_and_made_again(scene: Scene, result: Result) -> None:
    """Check 7, its end: `destroy`, then `up`."""
    scene.rehearsal.destroy()
    left = [host.name for host in scene.cloud.hosts()]
    result.expect("destroy leaves no host", not left, left)
    scene.rehearsal.up()
    scene.look_again()
    answer = scene.visitor.https(scene.health_path)
    result.expect("an `up` after it serves again", answer.status == 200, answer.body)
