"""The plan for machines: JSON whose shape `plan/schema.json` describes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from plan import placeholders
from plan.build import HIDDEN, Plan
from plan.files import HostFile
from plan.picture import picture
from policies.graph import Resource
from policies.rule import Finding
from settings import prices

VERSION = 1
"""Of the shape. It grows when a key changes its meaning or goes; a new key does not change it."""
LONGEST_TEXT = 500
"""Of an input, in characters: a longer one is told by its hash."""


def render(plan: Plan, *, show_files: bool = False) -> str:
    """The whole plan as indented JSON."""
    return json.dumps(document(plan, show_files=show_files), indent=2, ensure_ascii=False) + "\n"


def document(plan: Plan, *, show_files: bool = False) -> dict[str, Any]:
    """The plan as plain data. Secret inputs and outputs are hidden, though they are only placeholders."""
    settings = plan.settings
    return {
        "version": VERSION,
        "stack": settings.stack,
        "name": settings.name,
        "kind": settings.architecture.kind,
        "url": f"https://{settings.product.domain}/",
        "release": settings.product.release.model_dump(mode="json"),
        "resources": [_resource(resource, plan) for resource in plan.graph],
        "cost": {
            "currency": "USD",
            "monthly": plan.cost.monthly,
            "budget": settings.budget.monthly if settings.budget else None,
            "as_of": prices.AS_OF,
            "source": prices.SOURCE,
            "lines": [{"resource": line.urn, "what": line.what, "monthly": line.monthly} for line in plan.cost.lines],
            "unpriced": [{"name": name, "reason": reason} for name, reason in plan.cost.unpriced],
        },
        "files": [_file(file, show_files) for file in plan.files],
        "secrets": [
            {"name": secret.name, "used_by": list(secret.used_by), "set": secret.is_set, "command": secret.command}
            for secret in plan.secrets
        ],
        "findings": [_finding(finding) for finding in plan.findings],
        "outputs": hidden(dict(plan.outputs.values), frozenset(plan.outputs.secrets)),
        "messages": list(plan.messages),
        "lookups": list(plan.lookups),
        "picture": picture(settings, plan.graph),
    }


def _resource(resource: Resource, plan: Plan) -> dict[str, Any]:
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "component": not resource.custom,
        "parent": resource.parent,
        "protect": resource.protect,
        "dependencies": list(resource.dependencies),
        "ignore_changes": list(resource.ignore_changes),
        "provider": resource.version and f"{resource.package} {resource.version}",
        "inputs": hidden(dict(resource.inputs), resource.secret_paths or frozenset()),
        "monthly": plan.cost.of(resource.urn),
    }


def _file(file: HostFile, show_files: bool) -> dict[str, Any]:
    fields = dataclasses.asdict(file)
    return fields if show_files else {key: value for key, value in fields.items() if key != "content"}


def _finding(finding: Finding) -> dict[str, Any]:
    fields = dataclasses.asdict(finding)
    return {**{key: value for key, value in fields.items() if key != "urn"}, "resource": finding.urn}


def hidden(value: Any, secrets: frozenset[str], path: str = "") -> Any:
    """`value` with what is at the paths `secrets` hidden, and what is long abbreviated."""
    if path in secrets:
        return HIDDEN
    if isinstance(value, dict):
        return {key: hidden(inner, secrets, f"{path}.{key}" if path else key) for key, inner in value.items()}
    if isinstance(value, list):
        return [hidden(inner, secrets, f"{path}[{index}]") for index, inner in enumerate(value)]
    return _abbreviated(value) if isinstance(value, str) else value


def _abbreviated(text: str) -> str:
    """A long text, such as the scripts that a host gets, by its size and its hash."""
    if len(text) <= LONGEST_TEXT:
        return text
    content = text.encode()
    return placeholders.mark(f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}")
