"""What a move is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plan.build import Plan
from policies.graph import Resource

How = Literal["stays", "dump", "copy", "empty", "goes", "new"]
"""What becomes of data: both sides use it; it is dumped and restored; copied; not brought over, since it is made to be
lost; not brought over at all; not there before."""


@dataclass(frozen=True)
class Data:
    """A backing service, or a volume of a service's, on both sides. `commands` bring over what is in it, as often as
    they are run; `first` is run once before. A text is empty for a side that does not have it.
    """

    name: str
    before: str
    after: str
    how: How
    about: str
    commands: tuple[str, ...] = ()
    first: tuple[str, ...] = ()

    @property
    def brings(self) -> str:
        """What the shell's function is called that runs `commands`."""
        return f"bring_{self.name.replace('-', '_')}"

    @property
    def defined(self) -> str:
        """That function. It fails if one part of it does, be it the first of two that a pipe joins."""
        return f"{self.brings}() ( set -o pipefail; {' && '.join(self.commands)} )"


@dataclass(frozen=True)
class Step:
    """What to do, why, what to look at afterwards, and the way back from there. `by_hand`: no program does it yet."""

    title: str
    why: str
    commands: tuple[str, ...]
    look: tuple[str, ...]
    back: str
    by_hand: bool = False


@dataclass(frozen=True)
class Price:
    """USD a month: before, while both sides run, and after. What the account pays once is in none of them twice."""

    before: float
    together: float
    after: float

    @property
    def more_a_day(self) -> float:
        """What each day costs that both sides run, beside what one of them cost before."""
        return round((self.together - self.before) * 12 / 365, 2)


@dataclass(frozen=True)
class Move:
    """The whole way. `stays` are things with what becomes of them; `mind` is what nobody should learn on the way."""

    before: Plan
    after: Plan
    stays: tuple[tuple[str, str], ...]
    data: tuple[Data, ...]
    mind: tuple[str, ...]
    steps: tuple[Step, ...]
    price: Price

    @property
    def made(self) -> list[Resource]:
        """The resources of the new side."""
        return [resource for resource in self.after.graph if resource.custom]

    @property
    def goes(self) -> list[Resource]:
        """The resources of the old side, which go in the last step."""
        return [resource for resource in self.before.graph if resource.custom]

    @property
    def left(self) -> list[Resource]:
        """What of the old side stays where it is when the rest goes."""
        return left(self.before, self.after)


def left(before: Plan, after: Plan) -> list[Resource]:
    """The old side's zone, if the new side's names are in it."""
    return [one for one in before.graph if one.kind == "Domain" and one.inputs.get("name") == after.settings.dns.zone]
