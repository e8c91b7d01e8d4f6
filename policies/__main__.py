"""The policy pack of `pulumi preview --policy-pack policies`: the rules, as far as resources alone can tell."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # Pulumi starts this folder by its path, not as a package

from policies.pack import validator  # noqa: E402
from policies.rules import RULES  # noqa: E402

pulumi_policy = import_module("pulumi_policy")  # the pack's own environment has it, the program's has not
LEVELS = pulumi_policy.EnforcementLevel

pulumi_policy.PolicyPack(
    name="slipway",
    policies=[
        pulumi_policy.StackValidationPolicy(
            name=rule.id,
            description=rule.about,
            validate=validator(rule),
            enforcement_level=LEVELS.MANDATORY if rule.severity == "error" else LEVELS.ADVISORY,
        )
        for rule in RULES
    ],
)
