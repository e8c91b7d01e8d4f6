"""Request bodies, read and checked."""

import json
from typing import Any

from django.http import HttpRequest

from .models import PLACES, TEXT_LENGTH
from .tasks import LONGEST_SLEEP


class Unreadable(ValueError):
    """What is wrong with a request, in words for whoever sent it."""


def _body(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Unreadable("send application/json")
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Unreadable("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Unreadable("the body is not an object")
    return body


def note(request: HttpRequest) -> tuple[int, str]:
    body = _body(request)
    number, text = body.get("number"), body.get("text")
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= PLACES:
        raise Unreadable(f"number: a whole number from 1 to {PLACES}")
    if not isinstance(text, str) or not text.strip() or len(text) > TEXT_LENGTH or "\x00" in text:
        raise Unreadable(f"text: 1 to {TEXT_LENGTH} characters")
    return number, text


def task(request: HttpRequest) -> tuple[str, list[float]]:
    """The name of the task and its arguments."""
    body = _body(request)
    kind = body.get("kind", "summary")
    if kind == "summary":
        return kind, []
    if kind == "slow":
        return kind, [seconds(body.get("seconds"))]
    raise Unreadable('kind: "summary" or "slow"')


def seconds(value: object) -> float:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = -1.0
    if not 0 <= found <= LONGEST_SLEEP:
        raise Unreadable(f"seconds: a number from 0 to {LONGEST_SLEEP:.0f}")
    return found
