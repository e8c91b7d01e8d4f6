"""This machine's npm settings, as a global npmrc for a local host. pnpm reads the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rehearsal.machine.trust import HOST_BUNDLE

# Where to fetch and by which way; //host/:_authToken and @scope:registry belong to it.
_INHERITED = re.compile(r"^(registry|@[^:]+:registry|//.+|proxy|https-proxy|noproxy|strict-ssl|fetch-.+)$")
_GLOBAL = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc")


def configuration(environment: Mapping[str, str]) -> str:
    """An npmrc with the machine's, then the user's settings, then those of the environment."""
    user = environment.get("NPM_CONFIG_USERCONFIG") or environment.get("npm_config_userconfig")
    paths = [Path(path) for path in _GLOBAL] + [Path(user) if user else Path.home() / ".npmrc"]
    lines: list[str] = []
    for path in paths:
        if path.is_file() and os.access(path, os.R_OK):
            lines += path.read_text(errors="replace").splitlines()
    for name, value in environment.items():
        if name.lower().startswith("npm_config_"):
            lines.append(f"{name.lower().removeprefix('npm_config_').replace('_', '-')}={value}")
    return rendered(lines, environment)


def rendered(lines: Iterable[str], environment: Mapping[str, str]) -> str:
    """The inherited settings among the lines of npmrc files; later ones win. ${NAME} is filled in, as npm would."""
    found = {"cafile": HOST_BUNDLE, "audit": "false", "fund": "false", "update-notifier": "false"}
    for line in lines:
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals and not key.startswith(("#", ";")) and _INHERITED.match(key):
            found[key] = re.sub(r"\$\{([^}]+)\}", lambda name: environment.get(name[1], name[0]), value)
    return "".join(f"{key}={value}\n" for key, value in found.items())
