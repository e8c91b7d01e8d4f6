"""The move for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from plan.cost import Cost
from plan.moving.listing import listed
from plan.moving.move import Move, Step
from plan.style import Style
from policies.graph import Resource

WIDTH = 118
"""Of prose. A command stays on its line, to be copied."""


def render(move: Move, style: Style) -> str:
    """The whole move as text that ends with a line break."""
    sections = [
        _head(move, style),
        _stays(move, style),
        _made(move, style),
        _goes(move, style),
        _data(move, style),
        _mind(move, style),
        _steps(move, style),
        _price(move, style),
    ]
    return "\n".join("\n".join(lines) + "\n" for section in sections if (lines := list(section)))


def _head(move: Move, style: Style) -> Iterator[str]:
    sides = [
        f"{style(plan.settings.stack, 'bold')} ({plan.settings.architecture.kind})"
        for plan in (move.before, move.after)
    ]
    yield f"{move.after.settings.product.name} moves: {sides[0]} → {sides[1]}"


def _title(style: Style, name: str, rest: str = "") -> str:
    return f"{style(name, 'bold')}  {style(rest, 'dim')}".rstrip()


def _stays(move: Move, style: Style) -> Iterator[str]:
    yield _title(style, "Stays")
    width = max((len(what) for what, _ in move.stays), default=0)
    yield from (f"  {what:<{width}}  {why}" for what, why in move.stays)
    if not move.stays:
        yield "  nothing"


def _made(move: Move, style: Style) -> Iterator[str]:
    yield _title(style, "Is made", f"{_counted(move.made)} of {move.after.settings.stack}")
    yield from _resources(move.made, move.after.cost, style, move.after.settings.stack, ())


def _goes(move: Move, style: Style) -> Iterator[str]:
    about = f"{_counted(move.goes)} of {move.before.settings.stack}, in the last step"
    yield _title(style, "Goes", about)
    yield from _resources(move.goes, move.before.cost, style, move.before.settings.stack, move.left)


def _counted(resources: Sequence[Resource]) -> str:
    return f"{len(resources)} resources, {sum(one.protect for one in resources)} protected (■)"


def _resources(
    resources: Sequence[Resource], cost: Cost, style: Style, stack: str, left: Sequence[Resource]
) -> Iterator[str]:
    entries, others = listed(resources, cost)
    names = max((len(entry.names) for entry in entries), default=0)
    kinds = max((len(entry.kind) for entry in entries), default=0)
    staying = {one.name for one in left}
    for entry in entries:
        mark = style("■", "yellow") if entry.protect else " "
        price = f"{entry.monthly:.2f} USD" if entry.monthly else ""
        stays = "stays in the account" if entry.names in staying else ""
        about = " · ".join(part for part in (entry.detail, price, stays) if part)
        kind = style(f"{entry.kind:<{kinds}}", "cyan")
        yield f"{mark} {entry.names:<{names}}  {kind}  {about}".rstrip()
    if others:
        yield style(f"  and {others} more: make plan STACK={stack}", "dim")


def _data(move: Move, style: Style) -> Iterator[str]:
    if not move.data:
        return
    yield _title(style, "Data")
    width = max(len(one.name) for one in move.data)
    for one in move.data:
        yield f"  {one.name:<{width}}  {one.before or 'not there'} → {one.after or 'not there'}"
        yield from _prose(one.about, " " * (width + 4))


def _mind(move: Move, style: Style) -> Iterator[str]:
    if move.mind:
        yield _title(style, "Mind")
        for one in move.mind:
            yield from _prose(one, "    ", "  • ")


def _steps(move: Move, style: Style) -> Iterator[str]:
    yield _title(style, "Steps", "each with its way back; ✋ is done by hand, docs/moving.md says how")
    for number, step in enumerate(move.steps, 1):
        yield from _step(number, step, style)


def _step(number: int, step: Step, style: Style) -> Iterator[str]:
    yield f"  {style(f'{number} {step.title}', 'bold')}{' ✋' if step.by_hand else ''}"
    yield from _prose(step.why, "    ")
    yield from (f"    {style('$', 'green')} {command}" for command in step.commands)
    for look in step.look:
        yield from _prose(look, "          ", "    look  ")
    yield from _prose(step.back, "          ", "    back  ")


def _price(move: Move, style: Style) -> Iterator[str]:
    yield _title(style, "Price", "USD a month")
    price = move.price
    lines = [
        (f"before, {move.before.settings.stack}", price.before, ""),
        ("while both run", price.together, f"{price.more_a_day:.2f} more for each day"),
        (f"after, {move.after.settings.stack}", price.after, ""),
    ]
    width = max(len(name) for name, _, _ in lines)
    yield from (f"  {name:<{width}}  {sum_:>8.2f}  {about}".rstrip() for name, sum_, about in lines)


def _prose(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
