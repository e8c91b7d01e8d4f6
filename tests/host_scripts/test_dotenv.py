"""`.env` is read as it is written, and nothing that two readers would take differently is read at all."""

from __future__ import annotations

import secrets
import string

import pytest

from hostfiles.environment import dotenv as written
from scripts.host import dotenv
from scripts.host.run import HostError


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "postgresql://user:p%40ss@db.example.com:5432/name?sslmode=require",
        'He said "yes"',
        "it's",
        "back\\slash and \\n that is no line break",
        "$HOME `id` $(id) ${X}",
        "# no comment",
        " spaces around ",
        "tab\there",
        "ünïcödé ✓",
        string.punctuation,
    ],
)
def test_what_is_written_is_what_is_read(value: str) -> None:
    """FF7: one .env for everything; the writer is hostfiles, the reader runs on the host."""
    assert dotenv.parse(written({"A": "1", "VALUE": value, "Z": "last"})) == {"A": "1", "VALUE": value, "Z": "last"}


def test_random_texts_come_back() -> None:
    alphabet = string.ascii_letters + string.punctuation + " \t"
    for _ in range(300):
        value = "".join(secrets.choice(alphabet) for _ in range(24))
        assert dotenv.parse(written({"VALUE": value})) == {"VALUE": value}, value


def test_comments_blank_lines_and_single_quotes_are_read() -> None:
    text = "# a comment\n\n  # another\nA=1\nB='it\\'s \\\\ here'\nC=\"two\nlines\"\nA=2"
    assert dotenv.parse(text) == {"A": "2", "B": "it's \\ here", "C": "two\nlines"}


@pytest.mark.parametrize(
    "line",
    ["export A=1", "A = 1", "1A=x", "A=two words", 'A="open', "A='open", 'A="x" y', "A=$HOME", 'A="$HOME"', 'A="\\n"'],
)
def test_anything_else_is_refused_by_its_line_and_not_shown(line: str) -> None:
    with pytest.raises(HostError) as refused:
        dotenv.parse(f"GOOD=1\n{line}\n")
    assert "line 2" in refused.value.reason
    assert line not in refused.value.reason
