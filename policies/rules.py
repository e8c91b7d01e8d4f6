"""All rules, and what they find together."""

from __future__ import annotations

from policies import apps, balancers, containers, data, network, operations, secrecy
from policies.rule import SEVERITIES, Context, Finding, Rule

RULES: tuple[Rule, ...] = (
    *network.RULES,
    *balancers.RULES,
    *containers.RULES,
    *apps.RULES,
    *data.RULES,
    *secrecy.RULES,
    *operations.RULES,
)


def check(context: Context) -> tuple[Finding, ...]:
    """Everything that the rules find, the worst first."""
    found = {finding: None for rule in RULES for finding in rule.findings(context)}
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
