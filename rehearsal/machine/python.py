"""This machine's pip settings, as an /etc/pip.conf for a local host."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable

from rehearsal.machine.trust import HOST_BUNDLE

_INHERITED = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "retries")
_LINE = re.compile(r"^(?P<section>[^.=]+)\.(?P<key>[^=]+)=(?P<value>.*)$")


def configuration() -> str:
    """A pip.conf with what `pip config list` says here, environment variables included."""
    for command in ([sys.executable, "-m", "pip"], ["pip"], ["pip3"]):
        if not shutil.which(command[0]):
            continue
        listed = subprocess.run([*command, "config", "list"], capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            return rendered(listed.stdout.splitlines())
    return rendered([])


def rendered(lines: Iterable[str]) -> str:
    """A pip.conf from the lines of `pip config list`; values that name files of this machine are left out."""
    found: dict[str, str] = {}
    for line in lines:
        matched = _LINE.match(line)
        if not matched or matched["section"] not in ("global", ":env:"):
            continue
        key = matched["key"].replace("_", "-").removeprefix("default-")
        words = str(ast.literal_eval(matched["value"])).split()
        value = " ".join(word for word in words if _means_something(key, word))
        if key in _INHERITED and value and (key not in found or matched["section"] == ":env:"):
            found[key] = value
    settings = {"cert": HOST_BUNDLE, "disable-pip-version-check": "true", **found}
    lines = (f"{key} = {value.replace(' ', chr(10) + '    ')}\n" for key, value in settings.items())
    return "[global]\n" + "".join(lines)


def _means_something(key: str, word: str) -> bool:
    return key != "find-links" or word.startswith(("http://", "https://"))
