"""The move as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plan.cost import Cost
from plan.markdown import cell
from plan.moving.listing import listed
from plan.moving.move import Move, Step
from policies.graph import Resource


def render(move: Move) -> str:
    """The whole move in GitHub's Markdown."""
    sections = [_head(move), _stays(move), _data(move), _mind(move), _price(move), *_sides(move), _steps(move)]
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _head(move: Move) -> Iterator[str]:
    before, after = move.before.settings, move.after.settings
    yield f"### `{after.product.name}` moves from `{before.stack}` to `{after.stack}`"
    yield ""
    price = move.price
    kinds = f"{before.architecture.kind} → {after.architecture.kind}"
    prices = f"**{price.before:.2f} → {price.after:.2f} USD a month**, {price.together:.2f} while both run"
    yield f"{kinds} · {prices}"


def _stays(move: Move) -> Iterator[str]:
    if move.stays:
        yield "| Stays | |"
        yield "|---|---|"
        yield from (f"| {cell(what)} | {cell(why)} |" for what, why in move.stays)


def _data(move: Move) -> Iterator[str]:
    if move.data:
        yield "| Data | Before | After | |"
        yield "|---|---|---|---|"
        for one in move.data:
            yield f"| `{one.name}` | {cell(one.before)} | {cell(one.after)} | {cell(one.about)} |"


def _mind(move: Move) -> Iterator[str]:
    yield from (f"- ⚠️ {cell(one)}" for one in move.mind)


def _price(move: Move) -> Iterator[str]:
    price = move.price
    yield "| Price | USD a month |"
    yield "|---|--:|"
    yield f"| before, `{move.before.settings.stack}` | {price.before:.2f} |"
    yield f"| while both run: {price.more_a_day:.2f} more for each day | {price.together:.2f} |"
    yield f"| after, `{move.after.settings.stack}` | **{price.after:.2f}** |"


def _sides(move: Move) -> Iterator[Iterator[str]]:
    yield _resources("Is made", move.made, move.after.cost, ())
    yield _resources("Goes, in the last step", move.goes, move.before.cost, move.left)


def _resources(title: str, resources: Sequence[Resource], cost: Cost, left: Sequence[Resource]) -> Iterator[str]:
    entries, others = listed(resources, cost)
    staying = {one.name for one in left}
    protected = sum(one.protect for one in resources)
    yield f"<details><summary>{title}: {len(resources)} resources, {protected} protected</summary>"
    yield ""
    yield "| Resource | Type | | |"
    yield "|---|---|---|---|"
    for entry in entries:
        about = f"{entry.detail}, stays in the account" if entry.names in staying else entry.detail
        yield f"| `{entry.names}` | {entry.kind} | {cell(about)} | {'🔒' if entry.protect else ''} |"
    yield f"| and {others} more | | | |"
    yield ""
    yield "</details>"


def _steps(move: Move) -> Iterator[str]:
    for number, step in enumerate(move.steps, 1):
        yield from _step(number, step)


def _step(number: int, step: Step) -> Iterator[str]:
    yield f"#### {number}. {step.title}{' ✋' if step.by_hand else ''}"
    yield ""
    yield f"{cell(step.why)}"
    if step.commands:
        yield ""
        yield from ("```sh", *step.commands, "```")
    yield ""
    yield from (f"- look: {cell(look)}" for look in step.look)
    yield f"- **way back**: {cell(step.back)}"
    yield ""
