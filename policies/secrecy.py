"""Rules on secrets: none where others can read it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN
from policies.network import COMMAND, DROPLET
from policies.rule import Context, Violation, rule

_SHAPES = re.compile(
    r"dop_v1_[0-9a-f]{8}|ghp_\w{8}|github_pat_\w{8}|sk_live_\w{8}|xox[bp]-\w{8}|AKIA[0-9A-Z]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"
)
_HARMLESS = "id of |public key|fingerprint|known after|host key|output of"
_PLACEHOLDER = re.compile(rf"\u2039(?!{_HARMLESS})[^\u203a]+\u203a")
_TELLING = re.compile(r"(password|passwd|secret|token|credential|private_?key|api_?key|auth_?key)s?$", re.IGNORECASE)


@rule("secret-in-user-data", "error", "User data holds no secret: every process on the machine can read it.")
def secret_in_user_data(context: Context) -> Iterator[Violation]:
    for droplet in context.graph.of(DROPLET):
        text = _without_host_keys(str(droplet.inputs.get("userData") or ""))
        found = _SHAPES.search(text) or _PLACEHOLDER.search(text)
        if found:
            what = f"its user data holds a secret ({_hint(found[0])})"
            yield Violation(droplet.name, what, "hand it over on standard input, after the first boot", droplet.urn)


@rule(
    "secret-in-command",
    "error",
    "A command's text, environment and triggers hold no secret: they are shown where it fails.",
)
def secret_in_command(context: Context) -> Iterator[Violation]:
    for command in context.graph.of(COMMAND):
        for key in ("create", "update", "delete", "environment", "triggers"):
            value = command.inputs.get(key)
            found = value is not None and _looks_secret(json.dumps(value, ensure_ascii=False))
            if found or command.is_secret(key):
                yield Violation(
                    command.name, f"its {key} hold{'s' if key[-1] != 's' else ''} a secret", "stdin", command.urn
                )
        if command.inputs.get("addPreviousOutputInEnv") is True and command.is_secret("stdin"):
            what = "hands its last output to its next run, in the environment"
            yield Violation(command.name, what, "add_previous_output_in_env=False", command.urn)


@rule("plain-secret", "error", "A password, token or key is marked as a secret wherever it goes.")
def plain_secret(context: Context) -> Iterator[Violation]:
    for resource in context.graph:
        if resource.secret_paths is None or resource.type.startswith(("random:", "tls:")):
            continue
        for path, value in _texts(resource.inputs, ""):
            if value == UNKNOWN or resource.is_secret(path):
                continue
            if _TELLING.search(path.rpartition(".")[2]) or _looks_secret(value):
                what = f"{path} holds a secret in plain"
                yield Violation(resource.name, what, "pulumi.Output.secret, or a secret of the stack", resource.urn)


def _without_host_keys(user_data: str) -> str:
    """User data without the key that the host has on its first connection: it is replaced there and then."""
    body = user_data.removeprefix("#cloud-config").strip()
    try:
        document = json.loads(body)
    except ValueError:
        return user_data
    if not isinstance(document, dict):
        return user_data
    document.pop("ssh_keys", None)
    return json.dumps(document, ensure_ascii=False)


@functools.lru_cache(maxsize=256)
def _looks_secret(text: str) -> bool:
    """Many hosts are handed the same texts, of hundreds of kilobytes each."""
    return _SHAPES.search(text) is not None


def _hint(found: str) -> str:
    """Enough to find it, and too little to use it."""
    return found if found.startswith("\u2039") else f"{found[:7]}…"


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")


RULES = (secret_in_user_data, secret_in_command, plain_secret)
