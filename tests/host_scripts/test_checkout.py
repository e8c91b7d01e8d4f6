"""A private repository is fetched with its token, which is in no command line (ALL3)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.host.checkout import Source
from scripts.host.run import HostError

URL = "https://code.example.com/shop.git"


class _Commands:
    """Writes down what git would be asked. The mirror has the commit once it was fetched."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], Mapping[str, str]]] = []

    def base(self) -> dict[str, str]:
        return {"PATH": "/usr/bin"}

    def logged(self, argv: Sequence[str], what: str, cwd: Path, environment: Mapping[str, str], **_: Any) -> None:
        assert "token" not in what
        self.calls.append((list(argv), environment))

    def output(self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        return (0 if any("fetch" in call for call, _ in self.calls) else 1), "", ""


def _fetch(tmp_path: Path, token: str | None) -> list[tuple[list[str], Mapping[str, str]]]:
    file = tmp_path / "token"
    if token is not None:
        file.write_text(f"{token}\n")
    commands = _Commands()
    Source(commands, tmp_path / "mirror", URL, file).fetch("a" * 40)  # type: ignore[arg-type]
    return commands.calls


def test_the_token_goes_by_the_environment_to_the_fetch_alone(tmp_path: Path) -> None:
    token = secrets.token_urlsafe(24)
    calls = _fetch(tmp_path, token)
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    for argv, environment in calls:
        assert token not in " ".join(argv)
        assert encoded not in " ".join(argv)
        assert any(encoded in value for value in environment.values()) == ("fetch" in argv)


def test_the_token_is_sent_to_the_products_repository_alone(tmp_path: Path) -> None:
    (environment,) = (env for argv, env in _fetch(tmp_path, secrets.token_urlsafe(24)) if "fetch" in argv)
    assert environment["GIT_CONFIG_KEY_0"] == f"http.{URL}.extraHeader"


def test_a_public_repository_needs_none(tmp_path: Path) -> None:
    assert all("GIT_CONFIG_COUNT" not in environment for _, environment in _fetch(tmp_path, None))


def test_a_branch_is_no_commit(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="40 hexadecimal digits"):
        Source(_Commands(), tmp_path, URL).fetch("main")  # type: ignore[arg-type]
