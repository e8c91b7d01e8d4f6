"""What travels to a host over SSH: the scripts that run there and the input of one of them, on standard input."""

from __future__ import annotations

import functools
import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPTS = Path(__file__).resolve().parent.parent / "scripts" / "host"
_BEGINNING = '{"input":'
_NOT_ON_HOSTS = frozenset({"loader.py"})


@functools.cache
def _scripts() -> dict[str, str]:
    """The text of each script by its file name, in the order of the names."""
    paths = sorted(_SCRIPTS.glob("*.py"))
    return {path.name: path.read_text("utf-8") for path in paths if path.name not in _NOT_ON_HOSTS}


@functools.cache
def version() -> str:
    """A short name for the scripts as they are: it changes with any of them and with nothing else."""
    return hashlib.sha256(json.dumps(_scripts(), sort_keys=True).encode()).hexdigest()[:16]


def bundle(content: Mapping[str, Any] | None) -> str:
    """The standard input of `loader_command`: the scripts and `content`, the input of the command (None = it has none).

    The same content gives the same text, so nothing runs again on a host that has nothing new to do.
    """
    return f"{_BEGINNING}{_encoded(content)},{_common()[1:]}\n"


def content_of(text: str) -> Any:
    """What a bundle was made of: its beginning alone is read, since the scripts are far larger."""
    return json.JSONDecoder().raw_decode(text, len(_BEGINNING))[0]


@functools.cache
def _common() -> str:
    """A bundle without its input, encoded once for all hosts: it is far larger than what differs between them."""
    wrapper = (_SCRIPTS / "slipway.sh").read_text("utf-8")
    return _encoded({"scripts": _scripts(), "version": version(), "wrapper": wrapper})


def _encoded(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def loader_command(subcommand: str) -> str:
    """The command line that takes a `bundle` on its standard input and runs `subcommand` (with its options) with it.

    It holds no secret and nothing of the stack, so it is the same for every host.
    """
    loader = (_SCRIPTS / "loader.py").read_text("utf-8")
    return f"sudo -n /usr/bin/python3 -IS -c {shlex.quote(loader)} {subcommand}"
