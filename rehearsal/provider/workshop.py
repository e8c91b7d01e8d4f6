"""Where plugin processes come from: executables written for one rehearsal; and the cloud that they open."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from pathlib import Path

from rehearsal.provider.backend import Cloud

STATE = "SLIPWAY_REHEARSAL_STATE"
"""Environment variable: the directory that keeps the stand-in cloud's account."""
CLOUD = "SLIPWAY_REHEARSAL_CLOUD"
"""Environment variable: `module:callable` that opens the cloud from that directory."""
LOCAL = "rehearsal.provider.local:open_local"
PAPER = "rehearsal.provider.paper:PaperCloud"
PLUGINS = ("digitalocean", "cloudflare", "command", "random", "tls")

_SCRIPT = """#!/bin/sh
PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONSAFEPATH=1 exec {python} -m rehearsal.provider {name} "$@"
"""


def install_plugins(directory: Path) -> None:
    """Writes `pulumi-resource-<name>` for every provider that has a stand-in."""
    directory.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    for name in PLUGINS:
        script = directory / f"pulumi-resource-{name}"
        script.write_text(_SCRIPT.format(root=shlex.quote(str(root)), python=shlex.quote(sys.executable), name=name))
        script.chmod(0o755)


def open_cloud(state: Path) -> Cloud:
    """The cloud behind the plugins: the local one unless the environment names another."""
    module, _, name = os.environ.get(CLOUD, LOCAL).partition(":")
    opener = getattr(importlib.import_module(module), name)
    cloud: Cloud = opener(state)
    return cloud
