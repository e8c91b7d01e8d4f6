"""A ratio with its goal, and how it is measured."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ratio:
    """`measured` against `against`, both in `unit`. `goal` is the most that the quotient should be, if there is one."""

    what: str
    measured: float
    against: float
    goal: float | None
    unit: str = "s"

    @property
    def value(self) -> float:
        """The quotient."""
        return self.measured / self.against if self.against else float("inf")

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        if self.goal is None:
            return ""
        return f"goal ≤ {self.goal:g} met" if self.value <= self.goal else f"goal ≤ {self.goal:g} MISSED"

    def __str__(self) -> str:
        parts = f"{self.measured:.3g} {self.unit} / {self.against:.3g} {self.unit}"
        return f"{self.what:62} {self.value:7.2f}   {parts:28} {self.verdict}"


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def alternating(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """The medians of two actions, measured in turn after one of each that does not count: what else runs slows both."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def python(*arguments: str) -> Callable[[], object]:
    """An action: this interpreter with these arguments, in the project's folder."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)

    return run


def program(arguments: Sequence[str]) -> Callable[[], object]:
    """An action: a program that has to succeed."""

    def run() -> None:
        subprocess.run(list(arguments), check=True, capture_output=True)

    return run
