"""How fast a plan is, and how registration grows."""

from __future__ import annotations

from collections.abc import Iterator

from bench.ratio import Ratio, alternating, python, seconds
from rehearsal.run import Rehearsal

STACK = "familyflow"
_IMPORTS = "import gc; gc.disable(); import pulumi_digitalocean, pulumi_command, pulumi_random, pulumi_tls"


def ratios(rehearsal: Rehearsal) -> Iterator[Ratio]:
    """The plan against the bare import of the providers that it uses, the engine's preview against the plan, growth."""
    plan, imports = alternating(python("-m", "plan", "--stack", STACK), python("-c", _IMPORTS))
    yield Ratio("plan / bare import of its providers", plan, imports, 1.5)
    rehearsal.preview()
    preview = min(seconds(rehearsal.preview) for _ in range(3))
    yield Ratio("preview by the real engine / plan", preview, plan, None)
    few, many = (_registering(count) for count in (500, 2000))
    yield Ratio("each of 2,000 resources / each of 500", many / 2000 * 1000, few / 500 * 1000, 1.3, "ms")


def _registering(count: int) -> float:
    """Seconds for so many resources, a component around every fourth."""
    from plan.program import run

    def program() -> None:
        import pulumi
        import pulumi_random as random

        from components.component import Component

        for group in range(count // 4):
            parent = Component(f"group-{group}")
            for index in range(3):
                random.RandomId(f"id-{group}-{index}", byte_length=4, opts=pulumi.ResourceOptions(parent=parent))

    run(program, "bench", {}, frozenset())
    return min(seconds(lambda: run(program, "bench", {}, frozenset())) for _ in range(3))
