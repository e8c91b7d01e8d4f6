"""The arguments of the Makefile's commands: a mistake is one line, with the variable that `make` was given."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import NoReturn

MISUSED = 1
"""The exit code: a plan's 2 means findings."""


class Parser(argparse.ArgumentParser):
    """Tells a mistake without the usage, which is not what was typed."""

    def error(self, message: str) -> NoReturn:
        """One line, and the end."""
        as_typed = re.sub(r"^argument --([a-z-]+): ", lambda found: found[1].upper().replace("-", "_") + " ", message)
        self.exit(MISUSED, f"{as_typed}\n")


def one_of(*values: str) -> Callable[[str], str]:
    """The type of an argument that is one of these."""

    def checked(given: str) -> str:
        if given not in values:
            raise argparse.ArgumentTypeError(f"is {given!r}, should be {', '.join(values[:-1])} or {values[-1]}")
        return given

    return checked


def at_least(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number, this or more."""

    def checked(given: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < least:
            raise argparse.ArgumentTypeError(f"is {given!r}, should be a whole number, {least} or more")
        return int(given)

    return checked


def yes(given: str) -> bool:
    """The type of an argument that is 1, or left out."""
    if given not in ("", "1"):
        raise argparse.ArgumentTypeError(f"is {given!r}, should be 1 or left out")
    return given == "1"
