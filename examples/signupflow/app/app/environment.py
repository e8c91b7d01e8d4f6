"""Reading settings from the environment. Errors name the variable and never repeat its value."""

import os
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

HOST = re.compile(r"[a-z0-9.-]+")


class Misconfigured(Exception):
    """A variable that is missing or wrong, in words for whoever set it."""


def text(name: str) -> str:
    return os.environ.get(name, "").strip()


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise Misconfigured(f"the environment variable {name} is not set")
    return value


def whole(name: str, default: int, least: int, most: int) -> int:
    """A whole number."""
    value = text(name) or str(default)
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise Misconfigured(f"the environment variable {name} should be a whole number from {least} to {most}")
    return int(value)


def one_of(name: str, words: Sequence[str]) -> str:
    value = required(name)
    if value not in words:
        raise Misconfigured(f"the environment variable {name} should be one of {', '.join(words)}")
    return value


def secret(name: str, least: int) -> str:
    """At least so many characters."""
    value = required(name)
    if len(value) < least:
        raise Misconfigured(f"the environment variable {name} is shorter than {least} characters")
    return value


def hosts(name: str) -> list[str]:
    """Names of hosts with commas between them."""
    found = [host.strip().lower() for host in required(name).split(",")]
    if not all(HOST.fullmatch(host) for host in found):
        raise Misconfigured(f"the environment variable {name} should be names of hosts with commas between them")
    return found


def url(name: str, *schemes: str) -> str:
    """An address with a host, and perhaps a port; "" where the variable is not set."""
    value = text(name)
    try:
        parts = urlsplit(value)
        right = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port
        right = False
    if value and not right:
        raise Misconfigured(f"the environment variable {name} should be a {schemes[0]}:// URL")
    return value
