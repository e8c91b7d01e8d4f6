"""Moves between stack files that are shipped, with changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plan.moving.derive import make_move
from plan.moving.move import Move
from tests.plan.stack_files import Change, write

Blocks = dict[str, Any]


def unchanged(blocks: Blocks) -> None:
    """The stack file as it is shipped."""


def beside(blocks: Blocks) -> None:
    """What a second stack of the same product needs to run beside the first."""
    blocks["architecture"]["network"] = "10.99.0.0/20"
    blocks["dns"] = {key: value for key, value in blocks["dns"].items() if key != "create_zone"}


def devora(folder: Path, before: Change = unchanged, after: Change = unchanged) -> Move:
    """Devora's phase 1 to its phase 2, with changes."""
    return make_move(write(folder, "devora-vps", before), write(folder, "devora-fleet", after), folder)


def to_another(folder: Path, stack: str, after: Change = unchanged, before: Change = unchanged) -> Move:
    """A stack that is shipped to another of the same kind."""

    def changed(blocks: Blocks) -> None:
        beside(blocks)
        after(blocks)

    name = write(folder, stack, changed, f"{'vulcan' if stack == 'prod' else stack}-next")
    return make_move(write(folder, stack, before), name, folder)


def title(move: Move) -> list[str]:
    return [step.title for step in move.steps]


def commands(move: Move) -> list[str]:
    return [command for step in move.steps for command in step.commands]


def data(move: Move) -> dict[str, str]:
    return {one.name: one.how for one in move.data}
