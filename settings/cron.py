"""Cron schedules as a stack file writes them: five fields, in UTC."""

from __future__ import annotations

import re

from settings.masking import shown

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)


def check_schedule(value: str) -> str:
    """`value` itself where cron would take it, else a ValueError that names the field that is wrong.

    Names of months and days and the `@daily` forms are refused on purpose: not every scheduler knows them.
    """
    fields = value.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{shown(value)} is not a schedule of five fields such as '0 2 * * *' (daily at 02:00 UTC)")
    for text, (label, low, high) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _is_in_range(part, low, high):
                raise ValueError(
                    f"the {label} {shown(part)} is not *, a number from {low} to {high}, a range or a step"
                )
    return value


def _is_in_range(part: str, low: int, high: int) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    first, last, step = (int(group) if group else None for group in match.groups())
    numbers_fit = all(number is None or low <= number <= high for number in (first, last))
    ordered = first is None or last is None or first <= last
    return numbers_fit and ordered and step != 0
