"""What a command holds that a shell would act on, told without repeating the rest: it may hold a password."""

from __future__ import annotations

import re
import shlex

from settings.problems import Problem
from settings.product import Product, Service

_SHELLS = ("sh", "bash", "dash", "ash")
_NAME = r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_])"
_NESTED = r"[^()]*"
for _ in range(3):  # as deep as anybody writes arithmetic
    _NESTED = rf"(?:[^()]|\({_NESTED}\))*"
_PARTS = re.compile(
    rf"""\\. | '[^']*' | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<filled>\$\({_NESTED}\) | `[^`]*` | {_NAME})
    | (?P<redirected>[<>]\([^()]*\) | &>>? | [<>]+[&|]?)
    | (?P<joined>[;&|()]+)""",
    re.VERBOSE,
)
_FILLED_IN_QUOTES = re.compile(rf"(?<!\\)(?:`|\$\(|{_NAME})")
_ASSIGNED = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*=")
_ENVIRONMENT = "starts with a variable, should start with a program: say the variable in `environment`"


def without_a_shell(path: str, command: str | None) -> list[Problem]:
    """What is wrong with a command whose words are handed to a container as they are."""
    if command is None:
        return []
    if _ASSIGNED.match(command):
        return [Problem(path, _ENVIRONMENT)]
    found = next(filter(None, (_for_a_shell(part, command) for part in _PARTS.finditer(command))), None)
    if found is None:
        return []
    right = "should be `sh -c '…'`, or a script of the product's; in quotes where it is text"
    return [Problem(path, f"has {found}, and no shell reads it in a container, {right}")]


def as_one_program(path: str, command: str | None) -> list[Problem]:
    """What is wrong with a command that bash runs as `exec <command>`, so that signals reach the program itself."""
    if command is None:
        return []
    if _ASSIGNED.match(command):
        return [Problem(path, _ENVIRONMENT)]
    joined = next((part["joined"] for part in _PARTS.finditer(command) if part["joined"]), None)
    if joined is None:
        return []
    right = "should be `bash -c '… && exec …'`, or a script of the product's; in quotes where it is text"
    return [Problem(path, f"has {joined}, and droplet-pm2 runs it as one program (`exec <command>`), {right}")]


def in_containers(product: Product) -> list[Problem]:
    """What is wrong with the commands of services and jobs that run in containers on hosts."""
    found: list[Problem] = []
    for name, service in product.services.items():
        found += _of_service(f"slipway:product.services.{name}", service)
    for name, job in product.jobs.items():
        found += without_a_shell(f"slipway:product.jobs.{name}.command", job.command)
    return found


def _of_service(path: str, service: Service) -> list[Problem]:
    return [
        *without_a_shell(f"{path}.command", service.command),
        *without_a_shell(f"{path}.ready", service.ready),
    ]


def _for_a_shell(part: re.Match[str], command: str) -> str:
    """What of it a shell would act on, in words; in double quotes only where no shell is what is started."""
    if part["joined"] or part["redirected"]:
        return part["joined"] or part["redirected"]
    if part["filled"]:
        return "a substitution" if part["filled"].startswith(("$(", "`")) else "a variable"
    if part["quoted"] and _FILLED_IN_QUOTES.search(part["quoted"]) and not _starts_a_shell(command):
        return "a variable"
    return ""


def _starts_a_shell(command: str) -> bool:
    return shlex.split(command)[0].rpartition("/")[2] in _SHELLS
