"""The plans of the stack files that are shipped: nothing in them has to go before they are made."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import jsonschema
import pytest

from plan import machine, markdown, text
from plan.build import Plan, make_plan
from plan.files import HostFile, Scripts
from plan.style import Style
from tests.plan.test_machine import SCHEMA

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "plan"
REGENERATE = bool(os.environ.get("UPDATE_GOLDEN"))
STACKS = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
PLANS: dict[str, Plan] = {}


@pytest.fixture
def plan(stack: str) -> Plan:
    """The plan of a stack, made once."""
    if stack not in PLANS:
        PLANS[stack] = make_plan(stack)
    return PLANS[stack]


def with_few_files(plan: Plan) -> Plan:
    """The real ones' texts have golden files of their own."""
    hosts = dict.fromkeys(file.host for file in plan.files)
    files = (HostFile(host, "/etc/nginx/nginx.conf", "0644", "root", "root", 10, "events {}\n") for host in hosts)
    return dataclasses.replace(plan, files=tuple(files), scripts=Scripts(36, 40960))


@pytest.mark.parametrize("stack", STACKS)
def test_no_finding_is_an_error(plan: Plan) -> None:
    assert plan.errors == ()


@pytest.mark.parametrize("stack", STACKS)
def test_the_exported_cost_is_the_plans(plan: Plan) -> None:
    assert str(plan.outputs.values["monthly_cost"]).startswith(f"{plan.cost.monthly:.2f} USD")
    assert plan.cost.unpriced == ()


@pytest.mark.parametrize("stack", STACKS)
def test_machines_can_read_it(plan: Plan) -> None:
    jsonschema.validate(machine.document(plan), SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("form", ["txt", "md"])
@pytest.mark.parametrize("stack", ["devora-vps", "prod", "signupflow"])
def test_the_plan_looks_as_it_did(stack: str, form: str, plan: Plan) -> None:
    shown = with_few_files(plan)
    made = text.render(shown, Style(False)) if form == "txt" else markdown.render(shown)
    golden = GOLDEN / f"{stack}.{form}"
    if REGENERATE:
        golden.write_text(made)
    assert made == golden.read_text(), f"differs from {golden.relative_to(ROOT)}; if it should, UPDATE_GOLDEN=1"


@pytest.mark.parametrize(
    ("stack", "rules"),
    [
        ("familyflow", []),
        ("devora-vps", ["data-on-disk", "no-backups", "unpinned-release"]),  # all of it is so; mongo:7.0 is a tag
        ("prod", ["plain-inside", "single-node", "single-node", "unpinned-release", "unpinned-release"]),
        ("staging", ["unpinned-release", "unpinned-release"]),
        ("signupflow", ["single-node", "single-node"]),
        ("signupflow-staging", []),  # nobody depends on it
    ],
)
def test_what_is_found_is_true(rules: list[str], plan: Plan) -> None:
    """Each host of Vulcan's dumps its database with postgres:17, a tag; both databases have one node. Only its
    staging speaks TLS to its hosts."""
    assert sorted(finding.rule for finding in plan.findings) == rules
