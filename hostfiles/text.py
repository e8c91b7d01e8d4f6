"""Small helpers for configuration text."""

from __future__ import annotations

from collections.abc import Iterable

HEADER = "Made by slipway from the stack file: a change here is undone by the next `pulumi up`."


def block(head: str, lines: Iterable[str]) -> list[str]:
    """`head { … }` with its lines indented."""
    return [f"{head} {{", *indented(lines), "}"]


def indented(lines: Iterable[str]) -> list[str]:
    """The lines four spaces to the right; empty ones stay empty."""
    return [f"    {line}" if line else "" for line in lines]


def joined(lines: Iterable[str]) -> str:
    """The lines as the text of a file."""
    return "\n".join(lines) + "\n"
