"""The plan for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

from plan.build import HIDDEN, Plan
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
    running = f"commit {release.commit[:8]}" if release.commit else f"{len(release.images)} images"
    architecture = settings.architecture
    return f"{architecture.kind} in {architecture.region} · https://{settings.product.domain}/ · {running}"


def _head(plan: Plan, style: Style) -> Iterator[str]:
    yield f"{style(plan.settings.name, 'bold')} · {summary(plan)}"


def _title(style: Style, name: str, rest: str) -> str:
    return f"{style(name, 'bold')}  {style(rest, 'dim')}".rstrip()


def _resources(plan: Plan, style: Style) -> Iterator[str]:
    found = rows(plan.graph, plan.cost)
    custom = [row for row in found if row.resource.custom]
    protected = sum(row.resource.protect for row in custom)
    about = f"{len(custom)} in {len(found) - len(custom)} components, {protected} protected (■)"
    yield _title(style, "Resources", about)
    names = max((len(row.rails + row.resource.name) for row in found), default=0)
    kinds = max((len(row.resource.kind) for row in found), default=0)
    for row in found:
        mark = style("■", "yellow") if row.resource.protect else " "
        name = f"{style(row.rails, 'dim')}{style(row.resource.name, *(() if row.resource.custom else ('bold',)))}"
        line = f"{mark} {name}{' ' * (names - len(row.rails + row.resource.name))}  {style(row.resource.kind, 'cyan')}"
        price = "not priced" if row.unpriced else f"{row.monthly:.2f} USD" if row.monthly else ""
        parts = [part for part in (row.detail, style(price, "bold")) if part]
        yield f"{line}{' ' * (kinds - len(row.resource.kind))}  {' · '.join(parts)}" if parts else line


def _cost(plan: Plan, style: Style) -> Iterator[str]:
    yield _title(style, "Cost", f"USD a month; {prices.SOURCE}, {prices.AS_OF}")
    lines = [(line.name, line.what, f"{line.monthly:.2f}") for line in plan.cost.lines]
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
        shown = HIDDEN if name in plan.outputs.secrets else value if isinstance(value, str) else json.dumps(value)
        yield f"  {name:<{width}}  {shown}"


def _files(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.files:
        return
    hosts = dict.fromkeys(file.host for file in plan.files)
    yield _title(style, "Files", f"{len(plan.files)} on {', '.join(hosts)}; FILES=1 shows them")
    owners = max(len(f"{file.owner}:{file.group}") for file in plan.files)
    for file in plan.files:
        host = f"{file.host}:" if len(hosts) > 1 else ""
        yield f"  {file.mode}  {f'{file.owner}:{file.group}':<{owners}}  {file.size:>6}  {host}{file.path}"
    if plan.scripts.count:
        yield style(f"  and {plan.scripts.count} scripts of Slipway's own, {plan.scripts.size // 1024} KiB", "dim")


def _secrets(plan: Plan, style: Style) -> Iterator[str]:
    missing = [secret for secret in plan.secrets if not secret.is_set]
    if not plan.secrets:
        return
    if not missing:
        yield _title(style, "Secrets", f"all {len(plan.secrets)} are set")
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
    counts = {severity: sum(finding.severity == severity for finding in plan.findings) for severity in SEVERITIES}
    yield _title(style, "Findings", ", ".join(_count(number, word) for word, number in counts.items() if number))
    for finding in plan.findings:
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
    for file in plan.files:
        yield style(f"── {file.host}:{file.path}  {file.mode} {file.owner}:{file.group}", "bold")
        yield file.content.rstrip("\n")
        yield ""
