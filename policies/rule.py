"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from policies.graph import Graph

if TYPE_CHECKING:  # a policy pack runs without what the settings need
    from settings.stack import Settings

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Context:
    """What a rule may look at. `settings` and the cost are None where only the engine's resources are known."""

    graph: Graph
    settings: Settings | None = None
    monthly: float | None = None

    @property
    def is_production(self) -> bool:
        """Whether people depend on this stack: every stack does that is not named as something else."""
        if self.settings is None:
            return True
        return self.settings.stack.rpartition("-")[2] not in {"dev", "development", "staging", "test"}


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: where, what, and what would be right. `severity` overrides the rule's."""

    subject: str
    what: str
    right: str
    urn: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Finding:
    """A violation with its rule. Its text is one line."""

    rule: str
    severity: Severity
    subject: str
    what: str
    right: str
    urn: str | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}: {self.right}"


Check = Callable[[Context], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """A rule by its id; `about` is what it demands, in one sentence."""

    id: str
    severity: Severity
    about: str
    check: Check

    def findings(self, context: Context) -> Iterator[Finding]:
        """What this rule finds."""
        for found in self.check(context):
            yield Finding(self.id, found.severity or self.severity, found.subject, found.what, found.right, found.urn)


def rule(identity: str, severity: Severity, about: str) -> Callable[[Check], Rule]:
    """Makes a rule of a function."""
    return lambda check: Rule(identity, severity, about, check)
