"""The move for machines: JSON whose shape `plan/moving/schema.json` describes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from plan.cost import Cost
from plan.details import detail
from plan.moving.move import Move
from policies.graph import Resource
from settings import prices

VERSION = 1
"""Of the shape. It grows when a key changes its meaning or goes; a new key does not change it."""


def render(move: Move) -> str:
    """The whole move as indented JSON."""
    return json.dumps(document(move), indent=2, ensure_ascii=False) + "\n"


def document(move: Move) -> dict[str, Any]:
    """The move as plain data."""
    left = {one.urn for one in move.left}
    return {
        "version": VERSION,
        "product": move.after.settings.product.name,
        "from": {"stack": move.before.settings.stack, "kind": move.before.settings.architecture.kind},
        "to": {"stack": move.after.settings.stack, "kind": move.after.settings.architecture.kind},
        "stays": [{"what": what, "why": why} for what, why in move.stays],
        "made": _resources(move.made, move.after.cost),
        "goes": [{**one, "left": one["urn"] in left} for one in _resources(move.goes, move.before.cost)],
        "data": [
            {key: value for key, value in dataclasses.asdict(one).items() if key not in ("commands", "first")}
            for one in move.data
        ],
        "mind": list(move.mind),
        "steps": [{"number": number, **dataclasses.asdict(step)} for number, step in enumerate(move.steps, 1)],
        "price": {
            "currency": "USD",
            "as_of": prices.AS_OF,
            "before": move.price.before,
            "together": move.price.together,
            "after": move.price.after,
            "more_a_day": move.price.more_a_day,
        },
    }


def _resources(resources: Sequence[Resource], cost: Cost) -> list[dict[str, Any]]:
    return [
        {
            "urn": one.urn,
            "name": one.name,
            "kind": one.kind,
            "detail": detail(one),
            "protect": one.protect,
            "monthly": cost.of(one.urn),
        }
        for one in resources
    ]
