"""`make bench`: bring a stack up from nothing, measure, take it down, print the ratios. STACK=prod measures a fleet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from bench import fleet, hosting, planning
from bench.ratio import Ratio
from rehearsal.checks.scene import Scene
from rehearsal.run import Rehearsal


def main(stack: str) -> int:
    """Print every ratio as soon as it is known. 1 where a goal is missed."""
    measure = {planning.STACK: _one_host, fleet.STACK: _fleet}.get(stack)
    if measure is None:
        print(f"STACK: {stack} is not measured, should be {planning.STACK} or {fleet.STACK}", file=sys.stderr)
        return 1
    said: list[str] = []
    found: list[Ratio] = []
    changes = fleet.CHANGES if stack == fleet.STACK else {}
    with Rehearsal(stack, said.append, changes=changes) as rehearsal:
        rehearsal.down()
        try:
            print("bringing the stack up; this takes minutes", file=sys.stderr)
            for ratio in measure(rehearsal, said):
                found.append(ratio)
                print(ratio, flush=True)
        finally:
            rehearsal.down()
    return 0 if all(ratio.goal is None or ratio.value <= ratio.goal for ratio in found) else 1


def _one_host(rehearsal: Rehearsal, said: list[str]) -> Iterator[Ratio]:
    summary = rehearsal.up()
    apply = next(step.seconds for step in summary.steps if step.name.endswith("-host-apply"))
    opened = sum(rehearsal.connections().values())
    yield from planning.ratios(rehearsal)
    yield from hosting.ratios(Scene(rehearsal, said), apply, opened)


def _fleet(rehearsal: Rehearsal, said: list[str]) -> Iterator[Ratio]:
    yield from fleet.planning()
    rehearsal.up()
    yield from fleet.ratios(Scene(rehearsal, said))


if __name__ == "__main__":
    raise SystemExit(main(os.environ.get("STACK") or planning.STACK))
