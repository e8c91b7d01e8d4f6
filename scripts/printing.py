"""What the commands have in common that print something made of a stack file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from settings import stackfile
from settings.parse import parse
from settings.problems import SettingsError
from settings.stack import Settings

ROOT = Path(__file__).resolve().parents[1]


def printed(stack: str, make: Callable[[Settings], str]) -> int:
    """Print what `make` makes of the stack; 1 and one line for each mistake where the file or a ValueError says no.

    Secrets need not be set for that.
    """
    try:
        file = stackfile.read(ROOT / f"Pulumi.{stack}.yaml")
        settings = parse(file.stack, file.values, file.secrets, others=file.others, require_secrets=False)
        print(make(settings), end="")
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
