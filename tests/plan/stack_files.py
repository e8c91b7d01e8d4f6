"""Stack files that are shipped, with changes, in a folder of the test's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from plan.build import Plan, make_plan

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], None]
"""Changes the blocks of a stack file: `product`, `architecture` and so on."""


def write(folder: Path, stack: str, change: Change = lambda blocks: None, name: str | None = None) -> str:
    """Write the stack file of `stack` into `folder`, changed, as the stack `name`. Returns the name."""
    document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    blocks = copy.deepcopy({key.removeprefix("slipway:"): value for key, value in document["config"].items()})
    change(blocks)
    config = {f"slipway:{key}": value for key, value in blocks.items()}
    (folder / f"Pulumi.{name or stack}.yaml").write_text(yaml.safe_dump({"config": config}))
    return name or stack


def planned(folder: Path, stack: str, change: Change = lambda blocks: None) -> Plan:
    """The plan of a stack file that is shipped, changed."""
    return make_plan(write(folder, stack, change), folder)


def hosts(number: int) -> Change:
    """A fleet of this many hosts. Without a pool: so many would open more connections than the database has."""

    def change(blocks: dict[str, Any]) -> None:
        blocks["architecture"]["hosts"] = number
        blocks["product"]["services"]["backend"].pop("pool")

    return change


def with_data_hosts(blocks: dict[str, Any]) -> None:
    """Devora's fleet with MongoDB as a replica set on hosts of its own."""
    documents = {"engine": "mongodb", "provider": "host", "version": 7, "members": 3, "volume": 20}
    blocks["product"]["backing"]["documents"] = documents
