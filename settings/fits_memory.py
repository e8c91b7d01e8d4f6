"""Whether a host with containers has the memory that they may take, also while a release goes on.

A limit is a ceiling, and few containers are at theirs at once, but each may be for hours. So whatever runs for good
has to fit in the host's memory, beside its own system; and for the minutes in which both slots run, in memory and
swap. Docker lets a container have as much swap as its limit of memory (docs.docker.com, "Resource constraints", where
`--memory-swap` is unset). A release under PM2 asks its host for the same (scripts/host/preflight.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from settings.droplets import SIZES, sizes_with
from settings.placement import SYSTEM_MIB
from settings.problems import Problem
from settings.product import Product
from settings.quantity import MEMORY

Wanted = Mapping[str, tuple[int, int]]
"""What a host is asked for: by name, how many times how many MiB."""
NOTHING: Wanted = MappingProxyType({})
_SWAP = "slipway:architecture.swap"


def services(product: Product) -> Wanted:
    """What the services take that say it, on a host that runs them all."""
    return {
        name: (service.replicas, service.memory)
        for name, service in product.services.items()
        if service.memory is not None
    }


def second_slot(product: Product) -> Wanted:
    """What a release runs twice: of all but the scheduler the old ones stop last (scripts/host/coordinator.py)."""
    return {name: each for name, each in services(product).items() if product.services[name].role != "scheduler"}


def run(
    path: str, size: str | None, wanted: Callable[[int], Wanted], again: Wanted = NOTHING, swap: int = 0
) -> Iterator[Problem]:
    """Limits that a host of this size can't keep. `wanted` is what always runs on a host with so many MiB, `again` what
    a release adds to it, and `swap` is in MiB."""
    if size is None:
        return
    memory = SIZES[size].memory
    room, always = memory - SYSTEM_MIB, wanted(memory)
    has = f"{size} has {MEMORY.write(room)} beside the system's {MEMORY.write(SYSTEM_MIB)}"
    larger = sizes_with(SIZES[size].cpus, memory, 50)
    if _sum(always) > room:
        enough = [slug for slug in larger if _lacks(slug, wanted) <= 0]
        right = f"one of {', '.join(enough)}" if enough else "less memory for each"
        what = f"is to give {MEMORY.write(_sum(always))} ({_terms(always)})"
        yield Problem(path, f"{has} and {what}, should be {right}")
    elif (lacks := _lacks(size, wanted, again)) > swap:
        both = f"{MEMORY.write(_sum(always) + _sum(again))} during a release"
        right = f"should be at least {MEMORY.write(lacks)}, or a larger size, or less memory for each"
        yield Problem(
            _SWAP, f"is {MEMORY.write(swap)}, {right}: {has} and is to give {both} ({_terms(again)}, each twice)"
        )


def _lacks(size: str, wanted: Callable[[int], Wanted], again: Wanted = NOTHING) -> int:
    """MiB that are asked for beyond the memory of a host of this size."""
    memory = SIZES[size].memory
    return _sum(wanted(memory)) + _sum(again) - (memory - SYSTEM_MIB)


def _sum(wanted: Wanted) -> int:
    return sum(count * each for count, each in wanted.values())


def _terms(wanted: Wanted) -> str:
    parts = wanted.items()
    return ", ".join(
        f"{name} {f'{count} x ' if count > 1 else ''}{MEMORY.write(each)}" for name, (count, each) in parts
    )
