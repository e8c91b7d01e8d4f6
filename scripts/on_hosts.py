"""The hosts' own commands: on the one host of a stack by SSH, on a fleet by its coordinator."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.fleet_order import order_of
from scripts.pulumi_cli import OperatorError, outputs, run_to_its_end

ROOT = Path(__file__).resolve().parent.parent
CHECKED = ("StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null")
ALIVE = ("ConnectTimeout=15", "ServerAliveInterval=10", "ServerAliveCountMax=3")
"""Seconds to connect, and between the questions whether the host is there: one that says nothing to three is lost."""


def on_host(stack: str, *command: str, capture: bool = False) -> str:
    """Run one of the host's own commands, logged in as the operator, with the host key that the stack pinned."""
    known = outputs(stack)
    for key in ("address", "known_hosts"):
        if key not in known:
            raise OperatorError(f"the stack {stack} has no output {key!r}: run `pulumi up -s {stack}` first")
    options = (*CHECKED, *ALIVE, f"KnownHostsCommand=/bin/echo {known['known_hosts']}")
    there = [f"ops@{known['address']}", "sudo", "-n", "/usr/local/sbin/slipway", *command]
    argv = ["ssh", *(word for option in options for word in ("-o", option)), *there]
    done = run_to_its_end(argv, capture=capture, unheard="waiting for the host, which ends what it has begun")
    if done.returncode:
        raise OperatorError(f"`slipway {' '.join(command)}` failed on the host: see above")
    return done.stdout or ""


def on_fleet(stack: str, command: str, *options: str, take_over: bool = False, capture: bool = False) -> str:
    """Run a command of scripts/fleet for all hosts of the stack. What it needs of the secrets goes in by a pipe."""
    order, absent = order_of(stack)
    for name in () if capture else absent:
        print(f"{name} is not set up, and left out: `pulumi up -s {stack}` goes on with it", file=sys.stderr)
    order |= {"owner": f"make {command} STACK={stack}", "take_over": take_over}
    argv = [sys.executable, "-m", "scripts.fleet", command, *options]
    done = run_to_its_end(argv, text=json.dumps(order), capture=capture, cwd=ROOT)
    if done.returncode:
        raise OperatorError(f"{command} failed: see above")
    return done.stdout or ""
