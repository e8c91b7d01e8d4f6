"""The comparison of the kinds, with prices that the plan computes: `python -m plan.choosing > docs/choosing.md`."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan.build import ROOT
from plan.cost import Cost, cost_of
from plan.program import run
from plan.secrets import named
from settings import prices, stackfile
from settings.managed import CONNECTIONS

Blocks = dict[str, Any]
Change = Callable[[Blocks], None]
SIZES = ("launch", "growth", "scale")
"""Of SignUpFlow's document: two instances with 1 GB, with 4 GB and 2 CPUs, with 8 GB and 4 CPUs each."""
APP = "signupflow-app"
ESTIMATED = {"launch": 59, "growth": 120, "scale": 240}
"""What the document expects a month to cost."""


@dataclass(frozen=True)
class Choice:
    """A kind: when to choose it, what becomes of a lost machine, what it can't do; and what it costs at three sizes.

    `machines` says in words what each size is; `stacks` are a shipped stack with changes.
    """

    when: str
    lost: str
    cannot: str
    machines: tuple[str, str, str]
    stack: str
    change: Callable[[str], Change]


def _pm2(size: str) -> Change:
    slug = {"launch": "s-2vcpu-4gb", "growth": "s-4vcpu-8gb", "scale": "s-8vcpu-16gb"}[size]

    def change(blocks: Blocks) -> None:
        blocks["architecture"] |= {"size": slug, "backups": "off"}

    return change


def _app(size: str) -> Change:
    def change(blocks: Blocks) -> None:
        blocks["architecture"]["size"] = size

    return change


def _on_hosts(architecture: Callable[[str], Mapping[str, Any]]) -> Callable[[str], Change]:
    """SignUpFlow with another kind and who may log in, and without what hosts do not do yet."""

    def sized(size: str) -> Change:
        def change(blocks: Blocks) -> None:
            blocks["architecture"] = dict(architecture(size))
            blocks["access"] = dict(_read("prod")["access"])
            del blocks["product"]["logs"]
            for key in ("memory", "cpu", "replicas"):  # as many as the machines take
                del blocks["product"]["services"]["app"][key]

        return change

    return sized


def _droplet(size: str) -> Mapping[str, Any]:
    slug = {"launch": "s-2vcpu-2gb", "growth": "s-4vcpu-8gb", "scale": "s-8vcpu-16gb"}[size]
    return {"kind": "droplet-compose", "region": "nyc3", "size": slug, "backups": "off"}


def _fleet(size: str) -> Mapping[str, Any]:
    slug = {"launch": "s-1vcpu-2gb", "growth": "s-2vcpu-4gb", "scale": "s-4vcpu-8gb"}[size]
    return {"kind": "fleet-compose", "region": "nyc3", "size": slug, "hosts": 2}


CHOICES: dict[str, Choice] = {
    "droplet-pm2": Choice(
        when="The product runs from its source, on one machine, and nobody wants to build images.",
        lost="Away until `pulumi up --replace` has made another; what Redis and RabbitMQ held is gone.",
        cannot="Images, a database that is managed or on the droplet, scaling by load, scheduled jobs (a "
        "`role: scheduler` queues them).",
        machines=("2 CPU, 4 GB", "4 CPU, 8 GB", "8 CPU, 16 GB"),
        stack="familyflow",
        change=_pm2,
    ),
    "droplet-compose": Choice(
        when="Images, little money, and a few minutes away now and then are no harm. The databases may run beside.",
        lost="Away until `pulumi up --replace` has made another; what is on its own disk is gone, a volume stays.",
        cannot="More than one machine, a RabbitMQ of its own, scaling by load, scheduled jobs (a `role: scheduler` "
        "queues them), forwarding of logs.",
        machines=("one, 2 CPU, 2 GB", "one, 4 CPU, 8 GB", "one, 8 CPU, 16 GB"),
        stack="signupflow",
        change=_on_hosts(_droplet),
    ),
    "fleet-compose": Choice(
        when="A lost machine may not be noticed, or one is not enough; and the hosts are to be one's own.",
        lost="The balancer leaves it out after 20 s at most and the others serve; databases on hosts of the stack's "
        "own are away until their host is back, unless MongoDB has three members.",
        cannot="A RabbitMQ of its own, scaling by load, scheduled jobs (a `role: scheduler` queues them), forwarding "
        "of logs.",
        machines=("two, 1 CPU, 2 GB", "two, 2 CPU, 4 GB", "two, 4 CPU, 8 GB"),
        stack="signupflow",
        change=_on_hosts(_fleet),
    ),
    "app-platform": Choice(
        when="Nobody wants to look after hosts, and the product keeps nothing on a disk.",
        lost="The platform starts another instance; the others serve meanwhile.",
        cannot="Volumes, data on hosts, a RabbitMQ of its own, anything from source, schedulers and scheduled jobs, "
        "limits of one's own for a request or a job, `make rollback` (the digest before is deployed again). Its "
        "checks may come without the product's name, so the health path has to answer to others.",
        machines=("2 × 1 CPU, 1 GB", "2 × 2 CPU, 4 GB", "2 × 4 CPU, 8 GB, dedicated"),
        stack="signupflow",
        change=_app,
    ),
}
"""By kind, in the order in which a product grows."""

_HEAD = """# Choosing a kind

One product block runs on any of these; `slipway:architecture` says on which. Where only `kind:` changes, network,
managed databases, buckets and zone stay ([moving](moving.md) is for the rest). What a kind can't carry of a product it
says at load, by key. RabbitMQ runs on `droplet-pm2` alone; elsewhere it is `provider: external`, by its URL. What has
been tried of each, and how, is in the [README](../README.md). This page is made by `python -m plan.choosing`.
"""
_COST = """## What it costs

USD a month by the prices of {as_of}, as `make plan` computes it. All but `droplet-pm2` run SignUpFlow with its managed
PostgreSQL and Valkey of 1 GB each, a bucket and an uptime check ({shared:.2f} of each price); `droplet-pm2` runs
FamilyFlow, whose database is elsewhere. No backups of machines.
"""
_ESTIMATE = """## The estimate of SignUpFlow's document, and today's prices

| step | the document | the plan | of which instances |
|---|--:|--:|--:|
{rows}

At launch the plan has {more:.2f} more: PostgreSQL costs {postgres:.2f} where the document says 15, and the document
leaves out the uptime check ({check:.2f}). Later steps cost more than it expects: two instances of 4 GB and 2 CPUs are
{growth:.2f} by today's list, two of 8 GB and 4 CPUs, which come dedicated only, {scale:.2f}. One such instance in place
of two would be {alone:.2f} in all, without another to stand in for it.

The document's pool of 20 connections and 10 more does not fit: two instances could open 60, and the smallest
PostgreSQL has {connections}. The stack has 3 and 2, so that two more instances beside them, while a deployment goes on,
fit too.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *_comparison(), "", *_cost_table(), "", *_estimate()])


def _comparison() -> Iterator[str]:
    yield "| kind | choose it when | a machine is lost | it can't do |"
    yield "|---|---|---|---|"
    for kind, choice in CHOICES.items():
        yield f"| `{kind}` | {choice.when} | {choice.lost} | {choice.cannot} |"


def _cost_table() -> Iterator[str]:
    shared = sum(line.monthly for line in cost("app-platform", "launch").lines if line.name != APP)
    yield _COST.format(as_of=prices.AS_OF, shared=shared)
    yield "| kind | small | | middle | | large | |"
    yield "|---|---|--:|---|--:|---|--:|"
    for kind, choice in CHOICES.items():
        cells = (f"{what} | {cost(kind, size).monthly:.2f}" for what, size in zip(choice.machines, SIZES, strict=True))
        yield f"| `{kind}` | {' | '.join(cells)} |"


def _estimate() -> Iterator[str]:
    found = {size: cost("app-platform", size) for size in SIZES}
    instances = {size: sum(line.monthly for line in one.lines if line.name == APP) for size, one in found.items()}
    rows = (
        f"| `size: {size}` | {ESTIMATED[size]} | {one.monthly:.2f} | {instances[size]:.2f} |"
        for size, one in found.items()
    )
    yield _ESTIMATE.format(
        rows="\n".join(rows),
        more=found["launch"].monthly - ESTIMATED["launch"],
        postgres=prices.DATABASES["pg"]["db-s-1vcpu-1gb"],
        check=prices.UPTIME_CHECK,
        growth=instances["growth"],
        scale=instances["scale"],
        alone=found["scale"].monthly - instances["scale"] / 2,
        connections=CONNECTIONS["db-s-1vcpu-1gb"],
    )


def cost(kind: str, size: str) -> Cost:
    """What a kind costs at one of the three sizes."""
    from architectures import declare  # the providers' packages take their time

    choice = CHOICES[kind]
    blocks = _read(choice.stack)
    blocks.pop("budget", None)
    choice.change(size)(blocks)
    return cost_of(run(declare, choice.stack, blocks, frozenset(named(blocks))).graph)


def _read(stack: str) -> Blocks:
    return copy.deepcopy(dict(stackfile.read(ROOT / f"Pulumi.{stack}.yaml").values))


if __name__ == "__main__":
    sys.stdout.write(page())
