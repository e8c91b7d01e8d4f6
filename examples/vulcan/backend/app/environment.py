"""Reading settings from the environment. Errors name the variable and never repeat its value."""

import json
import os
import re

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ORIGIN = re.compile(r"https?://[^/\s,]+")


class Misconfigured(Exception):
    """A variable that is missing or wrong, in words for whoever set it."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise Misconfigured(f"the environment variable {name} is not set")
    return value


def whole(name: str, default: int, least: int, most: int) -> int:
    """A whole number."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise Misconfigured(f"the environment variable {name} should be a whole number from {least} to {most}")
    return int(value)


def origins(name: str) -> list[str]:
    """A JSON list of origins, such as ["https://example.com"]; empty where the variable is."""
    try:
        found = json.loads(text(name) or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) and ORIGIN.fullmatch(one) for one in found):
        raise Misconfigured(f'the environment variable {name} should be a JSON list, such as ["https://example.com"]')
    return found


def level(name: str) -> str:
    """How much is logged."""
    value = text(name, "INFO").upper()
    if value not in LEVELS:
        raise Misconfigured(f"the environment variable {name} should be one of {', '.join(LEVELS)}")
    return value
