"""What a rehearsal found: a table for the terminal, and a page with the picture, the checks and the timings."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rehearsal.checks.check import Line, Result
from rehearsal.picture import picture
from settings.stack import Settings

_MARKS = {True: "✓", False: "✗", None: "–"}
_STYLE = Path(__file__).with_suffix(".css")


def terminal(results: Sequence[Result], timings: Mapping[str, float]) -> str:
    """The report as a table: a line for each check, and below it what did not hold."""
    lines = ["", f"{'':2} {'check':58} {'held':>7} {'seconds':>8}"]
    for result in results:
        counted = [line for line in result.lines if line.holds is not None]
        held = f"{sum(bool(line.holds) for line in counted)}/{len(counted)}"
        lines.append(f"{_MARKS[result.passed]:2} {result.number}  {result.title:55} {held:>7} {result.seconds:8.1f}")
        for line in result.lines:
            if line.holds is False:
                lines.append(f"       ✗ {line.text}")
                lines += [f"         {seen}" for seen in line.seen.splitlines()[:12]]
    lines += ["", "   " + " · ".join(f"{name} {seconds:.0f} s" for name, seconds in timings.items())]
    cannot = [line.text for result in results for line in result.lines if line.holds is None]
    lines += [f"   – {text}" for text in cannot]
    return "\n".join(lines)


def as_json(results: Sequence[Result], timings: Mapping[str, float]) -> str:
    """The report for machines."""
    document = {
        "passed": all(result.passed for result in results),
        "timings": dict(timings),
        "checks": [asdict(result) for result in results],
    }
    return json.dumps(document, indent=1)


def write_page(path: Path, settings: Settings, results: Sequence[Result], timings: Mapping[str, float]) -> None:
    """Write the report as one HTML file that needs nothing beside it."""
    title = f"Rehearsal of {html.escape(settings.name)}"
    held = f"{sum(result.passed for result in results)} of {len(results)} checks held"
    path.write_text(f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{_STYLE.read_text()}</style>
<h1>{title}</h1>
<p class="lead">{settings.architecture.kind} · {held} · with the real engine, on a local cloud</p>
<div class="picture">{picture(settings)}</div>
<h2>Checks</h2>{"".join(_check(result) for result in results)}
<h2>Timings</h2>{_timings(timings)}</html>
""")


def _timings(timings: Mapping[str, float]) -> str:
    total = sum(timings.values()) or 1.0
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td class=number>{seconds:.1f} s</td>"
        f"<td class=share><div class=bar><span style='width:{seconds / total:.1%}'></span></div></td></tr>"
        for name, seconds in timings.items()
    )
    return f"<table>{rows}</table>"


def _check(result: Result) -> str:
    mark = "good" if result.passed else "bad"
    lines = "".join(_line(line) for line in result.lines)
    return (
        f"<details{'' if result.passed else ' open'}><summary><span class={mark}>{_MARKS[result.passed]}</span>"
        f"<span>{result.number}. {html.escape(result.title)}</span>"
        f"<span class=seconds>{len(result.lines)} · {result.seconds:.1f} s</span></summary><ul>{lines}</ul></details>"
    )


def _line(line: Line) -> str:
    kind = {True: "good", False: "bad", None: "none"}[line.holds]
    seen = f"<pre>{html.escape(line.seen)}</pre>" if line.seen else ""
    return f"<li><span class={kind}>{_MARKS[line.holds]}</span> {html.escape(line.text)}{seen}</li>"
