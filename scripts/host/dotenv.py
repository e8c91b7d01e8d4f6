"""The syntax of `.env`, read without a shell.

One variable per entry, `NAME=value`; NAME is [A-Za-z_][A-Za-z0-9_]*. The value is one of
- bare: any characters but white space, quotes, backslash, `#`, `$` and backtick; may be empty;
- in double quotes: a backslash stands before each backslash, double quote and dollar, it may before a backtick, and
  before nothing else;
- in single quotes: a backslash stands before each backslash and single quote, and before nothing else.
A quoted value may span lines. Blank lines and lines that start with `#` are skipped. Anything else is an error: a value
that two readers would understand differently must not get as far as a release.
"""

from __future__ import annotations

import re

from .run import HostError

_ENTRY = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)=
    (?: "(?P<double>(?:[^"\\$]|\\["\\$`])*)"
      | '(?P<single>(?:[^'\\]|\\['\\])*)'
      | (?P<bare>[^\s"'\\#$`]*) )
    [ \t]*(?:\r?\n|\Z)""",
    re.VERBOSE,
)
_SKIPPED = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")


def parse(text: str) -> dict[str, str]:
    """The variables in `text`, the last one of a name counts. HostError names the line, never its content."""
    variables: dict[str, str] = {}
    at = 0
    while at < len(text):
        skipped = _SKIPPED.match(text, at)
        if skipped:
            at = skipped.end()
            continue
        entry = _ENTRY.match(text, at)
        if entry is None:
            raise HostError(f".env line {text.count(chr(10), 0, at) + 1} is not NAME=value as this reader knows it")
        variables[entry["name"]] = _value(entry)
        at = entry.end()
    return variables


def _value(entry: re.Match[str]) -> str:
    if entry["bare"] is not None:
        return entry["bare"]
    quoted = entry["double"] if entry["double"] is not None else entry["single"]
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
