"""A stack as an operator sees it: its kind, and what it serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scripts.on_hosts import on_fleet, on_host
from scripts.pulumi_cli import OperatorError, pulumi
from scripts.stack_release import Release, write, written
from settings import stackfile
from settings.problems import SettingsError

FLEET_KIND, APP_KIND = "fleet-compose", "app-platform"
ROOT = Path(__file__).resolve().parent.parent


def existing(stack: str) -> str:
    """The stack that an operator named. OperatorError, with the stacks that there are, where it is none: the CLI would
    take the one that is selected."""
    if not stack:
        known = ", ".join(stackfile.known(ROOT)) or "none: there is no stack here"
        raise OperatorError(f"STACK is missing, should be one of {known}")
    file = ROOT / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        raise OperatorError(str(stackfile.missing(file)))
    return stack


def is_fleet(stack: str) -> bool:
    """Whether the stack's hosts are released as one, by scripts/fleet."""
    return kind_of(stack) == FLEET_KIND


def kind_of(stack: str) -> str:
    """The kind of the stack's architecture, which the file of the stack that it is like may say."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    try:
        whole = stackfile.read(file) if file.exists() else None
    except SettingsError as error:
        raise OperatorError(str(error)) from None
    if whole is not None and whole.like is not None:
        return str(whole.values["architecture"].get("kind"))
    return pulumi("config", "get", "--path", "slipway:architecture.kind", "--stack", stack, capture=True).strip()


def on_hosts_only(stack: str, why: str) -> None:
    """OperatorError, with what is there instead, for a stack whose hosts are none of ours."""
    if kind_of(stack) == APP_KIND:
        raise OperatorError(f"{stack} is of the kind {APP_KIND}: {why}")


def serving(stack: str) -> Release:
    """The release that the stack's hosts serve, by their own word. OperatorError if they do not say one."""
    if is_fleet(stack):
        return _serving_of_all(json.loads(on_fleet(stack, "status", "--json", capture=True)))
    said = json.loads(on_host(stack, "status", "--json", capture=True))
    if not written(stack).images:
        return Release(commit=str(said["commit"]))
    lines = on_host(stack, "ledger", "--json", capture=True).splitlines()
    begun = [
        entry for entry in map(json.loads, lines) if (entry["event"], entry["release"]) == ("started", said["serving"])
    ]
    if not begun:
        raise OperatorError(f"the host's ledger does not tell what {said['serving']} is made of")
    return Release(images=begun[-1]["images"], versions=begun[-1]["versions"])


def brought(stack: str, act: Callable[[], str]) -> Release:
    """What the stack serves once `act` has brought it elsewhere; its stack file names that, also where not all went."""
    try:
        act()
    except OperatorError as error:
        try:
            now = serving(stack)
        except (OperatorError, KeyError, ValueError):
            raise error from None
        write(stack, now)
        raise OperatorError(f"{error}; {stack} runs {now}, and its stack file says so") from None
    now = serving(stack)
    write(stack, now)
    return now


def _serving_of_all(hosts: Mapping[str, Mapping[str, Any] | None]) -> Release:
    """What those serve that answer: one that is off follows when it is back."""
    answers = [host for host in hosts.values() if host is not None]
    found = [Release(images=host["images"], versions=host["versions"]) for host in answers if "images" in host]
    if not found or len(found) < len(answers) or any(not one.is_(found[0]) for one in found):
        raise OperatorError("the hosts do not all serve the same: `make recover` brings them to one release")
    return found[0]
