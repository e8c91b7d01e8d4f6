"""What of a stack file may be repeated in a message: never something that may be a secret, never more than one line."""

from __future__ import annotations

import re
from typing import Any

_LONGEST = 80
_KNOWN_SHAPES = re.compile(
    r"\bdo[opr]_v1_|\bgh[oprsu]_|\bgithub_pat_|\bglpat-|\bnpm_\w{20}|\b[rs]k_(?:live|test)_|\bsk-[\w-]{20}|\bxox[abeoprs]-"
    r"|\bAKIA[0-9A-Z]{12}|-----BEGIN|\beyJ[\w-]{10,}\.|\bAGE-SECRET-KEY|\bpul-[0-9a-f]{20}|\bSG\.[\w-]{16}|\bsntrys_",
    re.ASCII,
)
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*:[^/\s@]*@|(?<=://)[^/\s@]{8,}@")
# a scheme is short: one without an end would take minutes to look for in a long text
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]{0,31}://[^/\s:@]*:[^/\s@]+@")
_RUN = re.compile(r"[A-Za-z0-9_+=/-]{16,}")
_WORD = re.compile(r"(?:[A-Za-z]?[a-z]*|[A-Z]+)[0-9]{0,4}|[0-9]{1,6}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
HIDDEN = "<hidden>"


def shown(value: Any) -> str:
    """`value` as a message may quote it: on one line, not endless, and hidden where it may be a secret."""
    if isinstance(value, str):
        if may_be_secret(value):
            return f"{HIDDEN[:-1]}, {len(value)} characters>"
        return repr(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]!r}…"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a number of many digits"
    return str(value) if isinstance(value, float) else what_it_is(value)


def is_secret(text: str) -> bool:
    """Whether `text` holds what only secrets look like: a token of a known maker, a private key, a URL's password."""
    return bool(_KNOWN_SHAPES.search(text) or _PASSWORD.search(text))


def may_be_secret(text: str) -> bool:
    """Whether `text` has the shape of a token, a password in a URL, a key, or random characters.

    Wrong guesses cost a quoted word in a message; a secret that is repeated costs a rotation. So it guesses widely.
    """
    if _KNOWN_SHAPES.search(text) or _USER_INFO.search(text) or _UUID.search(text):
        return True
    return any(_looks_random(run) for run in _RUN.findall(text))


def _looks_random(run: str) -> bool:
    """Long text with digits among its letters, or of both cases without a word's shape."""
    words = re.split(r"[-_/]", run)
    return not all(_WORD.fullmatch(word) for word in words)  # names-of-parts2, PATHS/like/these, 2026-11-21


def masked(text: str) -> str:
    """A whole message on one line, without the secrets whose shape is known: the last line of defence."""
    text = _USER_INFO.sub(f"{HIDDEN}@", text)
    text = re.sub(rf"(?:{_KNOWN_SHAPES.pattern})[^\s'\"`]*", HIDDEN, text, flags=re.ASCII)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


_YAML_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


def what_it_is(value: Any) -> str:
    """The kind of a YAML value in words."""
    return _YAML_NAMES.get(type(value), "something else")
