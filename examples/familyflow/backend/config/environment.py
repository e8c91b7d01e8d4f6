"""Reading settings from the environment. Errors name the variable and never repeat its value."""

import os

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def required(name: str) -> str:
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"the environment variable {name} is not set")
    return value


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("", "default"):
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"the environment variable {name} is neither true nor false")


def words(name: str) -> list[str]:
    """A comma separated list, at least one word long."""
    found = [word.strip() for word in required(name).split(",") if word.strip()]
    if not found:
        raise ImproperlyConfigured(f"the environment variable {name} names nothing")
    return found
