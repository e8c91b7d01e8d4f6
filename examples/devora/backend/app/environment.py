"""Reading settings from the environment. Errors name the variable and never repeat its value."""

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


def mongodb(name: str) -> str:
    """A URL of MongoDB, which the driver would take a mere word for too."""
    value = required(name)
    if not value.startswith(("mongodb://", "mongodb+srv://")):
        raise Misconfigured(f"the environment variable {name} should be a mongodb:// URL")
    return value


def origins(name: str) -> list[str]:
    """A comma separated list of origins, such as https://example.com; empty where the variable is."""
    found = [word.strip() for word in text(name).split(",") if word.strip()]
    if not all(ORIGIN.fullmatch(word) for word in found):
        raise Misconfigured(f"the environment variable {name} should list origins, such as https://example.com")
    return found


def level(name: str) -> str:
    """How much is logged."""
    value = text(name, "INFO").upper()
    if value not in LEVELS:
        raise Misconfigured(f"the environment variable {name} should be one of {', '.join(LEVELS)}")
    return value
