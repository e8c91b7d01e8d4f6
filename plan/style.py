"""Colour for a terminal, and none for anything else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True)
class Style:
    """Paints text, or leaves it alone."""

    colour: bool

    def __call__(self, text: str, *looks: str) -> str:
        if not self.colour or not text or not looks:
            return text
        return f"\033[{';'.join(_CODES[look] for look in looks)}m{text}\033[0m"


def style_for(choice: str, stream: TextIO) -> Style:
    """`choice` is auto, always or never. Auto paints on terminals, unless NO_COLOR is set (no-color.org)."""
    if choice == "auto":
        return Style(stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")
    return Style(choice == "always")
