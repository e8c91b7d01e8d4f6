"""`make bench`: bring the default stack up from nothing, measure, take it down, print the ratios."""

from __future__ import annotations

import sys

from bench import hosting, planning
from bench.ratio import Ratio
from rehearsal.checks.scene import Scene
from rehearsal.run import Rehearsal


def main() -> int:
    """Print every ratio as soon as it is known. 1 where a goal is missed."""
    said: list[str] = []
    found: list[Ratio] = []
    with Rehearsal(planning.STACK, said.append) as rehearsal:
        rehearsal.down()
        try:
            print("bringing the stack up; this takes minutes", file=sys.stderr)
            summary = rehearsal.up()
            apply = next(step.seconds for step in summary.steps if step.name.endswith("-host-apply"))
            scene = Scene(rehearsal, said)
            opened = sum(rehearsal.connections().values())
            for source in (planning.ratios(rehearsal), hosting.ratios(scene, apply, opened)):
                for ratio in source:
                    found.append(ratio)
                    print(ratio, flush=True)
        finally:
            rehearsal.down()
    return 0 if all(ratio.goal is None or ratio.value <= ratio.goal for ratio in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
