"""Two plans -> the move from the one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from plan.build import ROOT, Plan, make_plan
from plan.cost import cost_of
from plan.moving import sides
from plan.moving.data import data_of
from plan.moving.move import Data, Move, Price, left
from plan.moving.refusals import refusals, same_buckets, same_stack
from plan.moving.steps import steps_of
from policies.graph import Graph
from settings.problems import SettingsError


def make_move(before: str, after: str, root: Path = ROOT) -> Move:
    """The move of a product from the stack `before` to the stack `after`.

    Raises SettingsError where they can't be the two sides of one, or a stack file has mistakes; and ProgramError.
    """
    if same := same_stack(before, after):
        raise SettingsError([same])
    return move_of(make_plan(before, root), make_plan(after, root))


def move_of(before: Plan, after: Plan) -> Move:
    """The move from one plan to the other. Raises SettingsError where they can't be the two sides of one."""
    problems = list(refusals(before.settings, after.settings))
    problems += same_buckets(before.graph, after.graph, before.settings.stack)
    if problems:
        raise SettingsError(problems)
    data = data_of(before, after)
    both = cost_of(Graph([*before.graph, *after.graph]))
    return Move(
        before=before,
        after=after,
        stays=tuple(_stays(before, after, data)),
        data=data,
        mind=tuple(_mind(before, after)),
        steps=steps_of(before, after, data),
        price=Price(before.cost.monthly, both.monthly, after.cost.monthly),
    )


def _stays(before: Plan, after: Plan, data: tuple[Data, ...]) -> Iterator[tuple[str, str]]:
    names, old, new = sides.moving_names(before, after), before.settings, after.settings
    if names:
        yield f"the name{'s' if len(names) > 1 else ''} {', '.join(names)}", "visitors ask for the same; records move"
    if old.dns.zone and old.dns.zone == new.dns.zone and old.dns.provider == new.dns.provider:
        made = f"made and protected by {old.stack}; it stays in the account when {old.stack} goes"
        yield f"the zone {new.dns.zone}", made if old.dns.create_zone else "neither side makes it"
    for one in data:
        if one.how == "stays":
            yield one.name, one.about
    same = [name for name, image in new.product.release.images.items() if old.product.release.images.get(name) == image]
    if same:
        yield f"the image{'s' if len(same) > 1 else ''} {', '.join(same)}", "the same digests on both sides"
    if new.product.release.commit and new.product.release.commit == old.product.release.commit:
        yield f"the commit {new.product.release.commit[:8]}", "the same on both sides"


def _mind(before: Plan, after: Plan) -> Iterator[str]:
    old, new = before.settings, after.settings
    if (old.product.release.images, old.product.release.commit) != (
        new.product.release.images,
        new.product.release.commit,
    ):
        yield "the sides run different releases: move with the same one, so that both can work on the same data"
    generated = sorted(key for key, _ in new.product.generated_values())
    if generated:
        yield f"{', '.join(generated)} is generated anew: what was signed with the old one, such as log-ins, is void"
    workers = sides.working_alone(after)
    if workers:
        yield f"{', '.join(workers)} of {new.stack} work from the start, on the copy: what they send is sent twice"
    if written := sides.streaming(before):
        by = f"what visitors write over WebSockets to {', '.join(written)}"
        yield f"read-only refuses methods, and a WebSocket is a GET: {by} goes on, unless the product refuses it itself"
    if sides.working_alone(before) and not sides.in_containers(before):
        yield f"at the cutover stop {', '.join(sides.working_alone(before))} of {old.stack} by hand, in PM2"
    gone = [name for name in old.product.domains if name not in new.product.domains]
    if gone:
        yield f"nobody answers to {', '.join(gone)} once {old.stack} is gone"
    if old.dns.provider != new.dns.provider:
        yield (
            f"names move from {old.dns.provider} to {new.dns.provider}: enter the zone's other records there too, then "
            "change the name servers at the registrar, which takes up to two days"
        )
    staying = left(before, after)
    zones = [one.inputs.get("name") for one in before.graph if one.kind == "Domain" and one not in staying]
    if zones:
        others = "its other records, such as those of mail, go"
        yield f"the last step destroys the zone {', '.join(map(str, zones))}: {others} with it"
    for finding in after.errors:
        yield f"{new.stack} has a finding that has to go before it is made: {finding}"
