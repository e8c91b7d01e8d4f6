"""The checks, one after another, and the report of what they saw."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from rehearsal import report
from rehearsal.checks.catalogue import chosen
from rehearsal.checks.check import Result
from rehearsal.checks.scene import Scene
from rehearsal.progress import Show


def look(scene: Scene, which: str, show: Show) -> list[Result]:
    """Run the `basic` checks, or `all` of them. What does not hold is shown at once."""
    results = []
    for check in chosen(which):
        show(f"check {check.number}: {check.title}")
        result = check.run(scene)
        results.append(result)
        for line in result.lines:
            if line.holds is False:
                show(f"  ✗ {line.text}: {line.seen[:400]}")
        show(f"  {'held' if result.passed else 'DID NOT HOLD'} after {result.seconds:.1f} s")
    return results


def tell(scene: Scene, results: list[Result], timings: Mapping[str, float], directory: Path, show: Show) -> bool:
    """Write report.html and report.json into `directory` and show the table. Whether every check held."""
    whole = {**timings, **{f"check {result.number}, {result.title}": result.seconds for result in results}}
    directory.mkdir(parents=True, exist_ok=True)
    report.write_page(directory / "report.html", scene.settings, results, whole)
    (directory / "report.json").write_text(report.as_json(results, whole))
    show(report.terminal(results, timings))
    show(f"   the report: {directory / 'report.html'}  ({time.strftime('%Y-%m-%d %H:%M:%S')})")
    return all(result.passed for result in results)
