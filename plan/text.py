"""The plan for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from plan.build import HIDDEN, Plan
from plan.cost import together
from plan.files import on_hosts, shared
from plan.findings import told_once
from plan.many import MOST, in_words, natural
from plan.style import Style
from plan.tree import rows
from policies.rule import SEVERITIES
from policies.rules import RULES
from settings import prices

_MARKS = {"error": ("✖", "red"), "warning": ("▲", "yellow"), "note": ("•", "cyan")}


def render(plan: Plan, style: Style, *, show_files: bool = False) -> str:
    """The whole plan as text that ends with a line break."""
    sections = [
        _head(plan, style),
        _resources(plan, style),
        _cost(plan, style),
        _outputs(plan, style),
        _files(plan, style),
        _secrets(plan, style),
        _findings(plan, style),
        _messages(plan, style),
    ]
    if show_files:
        sections.append(_contents(plan, style))
    return "\n".join("\n".join(lines) + "\n" for section in sections if (lines := list(section)))


def summary(plan: Plan) -> str:
    """What a stack is, in one line."""
    settings = plan.settings
    release = settings.product.release
    images = f"{len(release.images)} image{'s' if len(release.images) != 1 else ''}"
    running = f"commit {release.commit[:8]}" if release.commit else images
    architecture = settings.architecture
    return f"{architecture.kind} in {architecture.region} · https://{settings.product.domain}/ · {running}"


def _head(plan: Plan, style: Style) -> Iterator[str]:
    yield f"{style(plan.settings.name, 'bold')} · {summary(plan)}"


def _title(style: Style, name: str, rest: str) -> str:
    return f"{style(name, 'bold')}  {style(rest, 'dim')}".rstrip()


def _resources(plan: Plan, style: Style) -> Iterator[str]:
    found = rows(plan.graph, plan.cost)
    custom = [resource for resource in plan.graph if resource.custom]
    protected = sum(resource.protect for resource in custom)
    about = f"{len(custom)} in {len(plan.graph) - len(custom)} components, {protected} protected (■)"
    yield _title(style, "Resources", about)
    names = max((len(row.rails + row.resource.name) for row in found), default=0)
    kinds = max((len(row.resource.kind) for row in found), default=0)
    for row in found:
        mark = style("■", "yellow") if row.resource.protect else " "
        name = f"{style(row.rails, 'dim')}{style(row.resource.name, *(() if row.resource.custom else ('bold',)))}"
        line = f"{mark} {name}{' ' * (names - len(row.rails + row.resource.name))}  {style(row.resource.kind, 'cyan')}"
        each = f"{row.count} × " if row.count > 1 else ""
        price = "not priced" if row.unpriced else f"{each}{row.monthly:.2f} USD" if row.monthly else ""
        parts = [part for part in (row.detail, style(price, "bold")) if part]
        yield f"{line}{' ' * (kinds - len(row.resource.kind))}  {' · '.join(parts)}" if parts else line


def _cost(plan: Plan, style: Style) -> Iterator[str]:
    yield _title(style, "Cost", f"USD a month; {prices.SOURCE}, {prices.AS_OF}")
    lines = [(line.name, line.what, f"{line.monthly:.2f}") for line in together(plan.cost.lines)]
    budget = plan.settings.budget
    total = "total" if not plan.cost.unpriced else "total of what has a price"
    limit = f"of a budget of {budget.monthly:.2f}" if budget else ""
    lines.append((total, limit, f"{plan.cost.monthly:.2f}"))
    names, whats, sums = (max(len(line[column]) for line in lines) for column in range(3))
    for index, (name, what, price) in enumerate(lines):
        text = f"  {name:<{names}}  {what:<{whats}}  {price:>{sums}}"
        yield style(text, "bold") if index == len(lines) - 1 else text
    for name, reason in plan.cost.unpriced:
        yield style(f"  {name:<{names}}  not priced: {reason}", "yellow")


def _outputs(plan: Plan, style: Style) -> Iterator[str]:
    outputs = plan.outputs.values
    if not outputs:
        return
    yield _title(style, "Outputs", "addresses and keys stand for those that the cloud will give")
    width = max(map(len, outputs))
    for name, value in sorted(outputs.items()):
        lines = [HIDDEN] if name in plan.outputs.secrets else _lines(value)
        rest = [f"and {len(lines) - MOST} more"] if len(lines) > MOST + 1 else lines[MOST:]
        for index, line in enumerate([*lines[:MOST], *rest]):
            yield f"  {name if index == 0 else '':<{width}}  {line}".rstrip()


def _lines(value: Any) -> list[str]:
    """An output as lines: the parts of what has some, each on its own."""
    if isinstance(value, Mapping):
        parts = sorted(value.items(), key=lambda part: natural(part[0]))
        return [f"{key}: {inner if isinstance(inner, str) else json.dumps(inner)}" for key, inner in parts]
    if isinstance(value, list):
        return [inner if isinstance(inner, str) else json.dumps(inner) for inner in value]
    return value.splitlines() or [""] if isinstance(value, str) else [json.dumps(value)]


def _files(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.files:
        return
    groups = shared(plan.files)
    yield _title(style, "Files", f"{on_hosts(groups)}; FILES=1 shows them")
    owners = max(len(f"{file.owner}:{file.group}") for file in plan.files)
    for hosts, files in groups.items():
        if len(groups) > 1:
            yield style(f"  on {in_words(hosts, 'hosts')}", "bold")
        for file in files:
            yield f"  {file.mode}  {f'{file.owner}:{file.group}':<{owners}}  {file.size:>6}  {file.path}"
    if plan.scripts.count:
        yield style(f"  and {plan.scripts.count} scripts of Slipway's own, {plan.scripts.size // 1024} KiB", "dim")


def _secrets(plan: Plan, style: Style) -> Iterator[str]:
    missing = [secret for secret in plan.secrets if not secret.is_set]
    if not plan.secrets:
        return
    if not missing:
        yield _title(
            style, "Secrets", f"all {len(plan.secrets)} are set" if len(plan.secrets) > 1 else "the one is set"
        )
        return
    yield _title(
        style, "Secrets", f"{len(missing)} of {len(plan.secrets)} still to be set; each command asks for its value"
    )
    for secret in missing:
        yield f"  {secret.command}"


def _findings(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.findings:
        yield _title(style, "Findings", f"none: all {len(RULES)} rules hold")
        return
    findings = told_once(plan.findings)
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
    yield _title(style, "Findings", ", ".join(_count(number, word) for word, number in counts.items() if number))
    for finding in findings:
        mark, colour = _MARKS[finding.severity]
        head = style(f"{mark} {finding.severity:<7}", colour)
        yield f"  {head}  {finding.subject}: {finding.what} {style(f'({finding.rule})', 'dim')}"
        yield f"             right: {finding.right}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def _messages(plan: Plan, style: Style) -> Iterator[str]:
    if plan.messages or plan.lookups:
        yield _title(style, "Messages", "")
        yield from (f"  {message}" for message in plan.messages)
        yield from (f"  asks the cloud for {lookup}; the plan can't answer" for lookup in plan.lookups)


def _contents(plan: Plan, style: Style) -> Iterator[str]:
    for hosts, files in shared(plan.files).items():
        for file in files:
            where = f"{in_words(hosts, 'hosts')}:{file.path}"
            yield style(f"── {where}  {file.mode} {file.owner}:{file.group}", "bold")
            yield file.content.rstrip("\n")
            yield ""
