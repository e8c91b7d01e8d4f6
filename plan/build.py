"""A stack file -> its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plan import secrets as needed_secrets
from plan.cost import Cost, cost_of
from plan.files import HostFile, Scripts, files_of, scripts_of
from plan.program import run
from plan.secrets import SecretNeeded
from plan.values import Decoded
from policies.graph import Graph
from policies.rule import Context, Finding
from policies.rules import check
from settings import stackfile
from settings.parse import parse, stack_name_problems
from settings.problems import SettingsError
from settings.stack import Settings

ROOT = Path(__file__).resolve().parent.parent
HIDDEN = "[secret]"
"""Stands for a secret input or output, which is only a placeholder anyway."""


@dataclass(frozen=True)
class Plan:
    """Everything that is known of a stack before anything of it is made.

    `lookups` are questions to a cloud that nobody answered; what follows from them is shown as unknown.
    """

    settings: Settings
    graph: Graph
    cost: Cost
    files: tuple[HostFile, ...]
    scripts: Scripts
    secrets: tuple[SecretNeeded, ...]
    findings: tuple[Finding, ...]
    outputs: Decoded
    messages: tuple[str, ...]
    lookups: tuple[str, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that have to go before the stack is made."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def make_plan(stack: str, root: Path = ROOT, program: Callable[[], None] | None = None) -> Plan:
    """The plan of `Pulumi.<stack>.yaml` in `root`. `program` is what the stack runs: Slipway's own by default.

    Raises SettingsError where the stack file has mistakes, and ProgramError where the program can't be run. A secret
    that nobody has set is no mistake here: the plan lists it.
    """
    if wrong := stack_name_problems(stack):  # before a file is opened by it
        raise SettingsError(wrong)
    file = stackfile.read(root / f"Pulumi.{stack}.yaml")
    secrets = file.secrets | frozenset(needed_secrets.named(dict(file.values)))
    settings = parse(file.stack, file.values, secrets, others=file.others)
    ran = run(program or _slipway(), file.stack, file.values, secrets)
    cost = cost_of(ran.graph)
    return Plan(
        settings=settings,
        graph=ran.graph,
        cost=cost,
        files=files_of(ran.graph),
        scripts=scripts_of(ran.graph),
        secrets=needed_secrets.needed(settings, file.secrets),
        findings=check(Context(ran.graph, settings, cost.monthly)),
        outputs=ran.outputs,
        messages=ran.messages,
        lookups=ran.lookups,
    )


def _slipway() -> Callable[[], None]:
    """What `__main__.py` runs. Imported once the settings are known to be right: the providers take their time."""
    from architectures import declare

    return declare
