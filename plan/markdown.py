"""The plan as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from plan.build import Plan
from plan.cost import together
from plan.files import on_hosts, shared
from plan.findings import told_once
from plan.many import in_words
from plan.picture import picture
from plan.text import summary
from plan.tree import rows
from settings import prices

_MARKS = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}  # noqa: RUF001 - the sign that GitHub shows as one


def render(plan: Plan, *, show_files: bool = False) -> str:
    """The whole plan in GitHub's Markdown."""
    sections = [_head(plan), _findings(plan), _secrets(plan), _picture(plan), _cost(plan), _resources(plan)]
    sections.append(_contents(plan) if show_files else _files(plan))
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    custom = sum(resource.custom for resource in plan.graph)
    protected = sum(resource.protect for resource in plan.graph)
    yield f"### Plan of `{plan.settings.name}`"
    yield ""
    yield summary(plan)
    yield ""
    resources = f"{custom} resources, {protected} of them protected"
    groups = shared(plan.files)
    number, hosts = sum(map(len, groups.values())), {host for names in groups for host in names}
    files = f"{number} file{'s' if number != 1 else ''}{f' on {len(hosts)} hosts' if len(hosts) > 1 else ''}"
    yield f"**{plan.cost.monthly:.2f} USD a month** · {resources} · {files}"


def _findings(plan: Plan) -> Iterator[str]:
    for finding in told_once(plan.findings):
        what, right = cell(finding.what), cell(finding.right)
        yield f"- {_MARKS[finding.severity]} `{finding.subject}`: {what}. Right: {right} <sub>{finding.rule}</sub>"
    if not plan.findings:
        yield "✅ The policies find nothing."
    for lookup in plan.lookups:
        yield f"- Asks the cloud for `{lookup}`; the plan can't answer."


def _secrets(plan: Plan) -> Iterator[str]:
    missing = [secret.command for secret in plan.secrets if not secret.is_set]
    if missing:
        yield f"**{len(missing)} of {len(plan.secrets)} secrets still to be set.** Each command asks for its value:"
        yield ""
        yield from ("```sh", *missing, "```")


def _picture(plan: Plan) -> Iterator[str]:
    yield "```mermaid"
    yield picture(plan.settings, plan.graph).rstrip("\n")
    yield "```"


def _cost(plan: Plan) -> Iterator[str]:
    yield "| Cost | | USD a month |"
    yield "|---|---|--:|"
    for line in together(plan.cost.lines):
        yield f"| `{line.name}` | {cell(line.what)} | {line.monthly:.2f} |"
    for name, reason in plan.cost.unpriced:
        yield f"| `{name}` | {cell(reason)} | not priced |"
    budget = plan.settings.budget
    yield f"| **total** | {f'budget {budget.monthly:.2f}' if budget else ''} | **{plan.cost.monthly:.2f}** |"
    yield ""
    yield f"<sub>{prices.SOURCE}, {prices.AS_OF}</sub>"


def _resources(plan: Plan) -> Iterator[str]:
    found = rows(plan.graph, plan.cost)
    yield f"<details><summary>{sum(resource.custom for resource in plan.graph)} resources</summary>"
    yield ""
    yield "| Resource | Type | | |"
    yield "|---|---|---|---|"
    for row in found:
        name = f"{'&emsp;' * row.depth}`{row.resource.name}`"
        kind = row.resource.kind if row.resource.custom else f"**{row.resource.kind}**"
        yield f"| {name} | {kind} | {cell(row.detail)} | {'🔒' if row.resource.protect else ''} |"
    yield ""
    yield "</details>"


def _files(plan: Plan) -> Iterator[str]:
    if not plan.files:
        return
    groups = shared(plan.files)
    yield f"<details><summary>Files: {on_hosts(groups)}</summary>"
    for hosts, files in groups.items():
        yield ""
        if len(groups) > 1:
            yield f"On {in_words(hosts, 'hosts')}:"
            yield ""
        yield "| File | Mode | Owner | Bytes |"
        yield "|---|---|---|--:|"
        for file in files:
            yield f"| `{file.path}` | {file.mode} | {file.owner}:{file.group} | {file.size} |"
    yield ""
    yield "</details>"


def _contents(plan: Plan) -> Iterator[str]:
    for hosts, files in shared(plan.files).items():
        for file in files:
            where = f"{in_words(hosts, 'hosts')}:{file.path}"
            fence = "`" * max(3, 1 + max((len(run) for run in _runs_of_ticks(file.content)), default=0))
            yield f"<details><summary><code>{where}</code> {file.mode} {file.owner}:{file.group}</summary>"
            yield ""
            yield from (fence, file.content.rstrip("\n"), fence)
            yield ""
            yield "</details>"


def _runs_of_ticks(text: str) -> list[str]:
    return [run for run in "".join(char if char == "`" else " " for char in text).split(" ") if run]


def cell(text: str) -> str:
    """`text` in a table's cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")
