"""Why two stacks can't be two sides of a move. Each reason is one line."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policies.graph import Graph
from settings.backing import MongoDB, Postgres
from settings.kinds import WITHOUT_HOSTS
from settings.problems import Problem
from settings.stack import Settings

BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"


def same_stack(before: str, after: str) -> Problem | None:
    """The two are one: known before anything is planned."""
    if before != after:
        return None
    what = "is the stack itself, should be the one that the product moves from: where `kind` changes in one stack"
    return Problem("from", f"{after} {what}, its foundation stays, and `pulumi preview -s {after}` shows the rest")


def refusals(before: Settings, after: Settings) -> Iterator[Problem]:
    """What is in the way of two stacks that run side by side."""
    old, new = before.product.name, after.product.name
    if old != new:
        what = f"{before.stack} is of {old} and {after.stack} of {new}, should be another stack of {new}"
        yield Problem("from", f"{what}: a move is one product's")
        return
    for side in (before, after):
        if side.architecture.kind in WITHOUT_HOSTS:
            what = f"{side.stack} is of the kind {side.architecture.kind}, which no step is written for yet"
            yield Problem("from", f"{what}: say another `kind` in one stack, whose databases and buckets stay")
            return
    if not set(before.product.domains) & set(after.product.domains):
        what = f"{before.stack} answers to {before.product.domain} and {after.stack} to {after.product.domain}"
        yield Problem(
            "from", f"{what}, should have a name in common: a move ends {before.stack}, which nobody replaces"
        )
        return
    yield from _network(before, after)
    yield from _zone(before, after)
    for name, backing in after.product.backing.items():
        earlier = before.product.backing.get(name)
        for engine in (Postgres, MongoDB):
            if isinstance(backing, engine) and isinstance(earlier, engine) and backing.version < earlier.version:
                what = f"is {backing.version}, should be {earlier.version} as in {before.stack}, or a newer one"
                why = "an older one may not read what a newer has dumped"
                yield Problem(f"slipway:product.backing.{name}.version", f"{what}: {why}")


def same_buckets(before: Graph, after: Graph, stack: str) -> Iterator[Problem]:
    """Buckets that both sides would make: a bucket's name is one in all the world."""
    taken = {bucket.inputs.get("name") for bucket in before.of(BUCKET)}
    for bucket in after.of(BUCKET):
        name = bucket.inputs.get("name")
        if name in taken:
            message = f"{stack} has made the bucket {name}, and there can be one: leave `bucket` out here"
            yield Problem(f"slipway:product.backing: {bucket.name}", message)


def _network(before: Settings, after: Settings) -> Iterator[Problem]:
    old, new = (ipaddress.ip_network(side.architecture.network, strict=False) for side in (before, after))
    if old.overlaps(new):
        shared = f"is {before.stack}'s too" if old == new else f"overlaps {old}, which is {before.stack}'s"
        message = f"{new} {shared}: the two run side by side, give another"
        yield Problem("slipway:architecture.network", message)


def _zone(before: Settings, after: Settings) -> Iterator[Problem]:
    old, new = before.dns, after.dns
    if new.create_zone and old.provider == new.provider and old.zone == new.zone:
        if old.create_zone:
            what = f"is true in both stacks, and {before.stack} has made the zone {new.zone}"
        else:
            what = f"is true, and {before.stack} has its names in the zone {new.zone} already"
        yield Problem("slipway:dns.create_zone", f"{what}: leave it out of {after.stack}")
