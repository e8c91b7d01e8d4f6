"""Each rule, with stacks that break it and stacks that obey it."""

from __future__ import annotations

import dataclasses

import pytest

from policies.graph import UNKNOWN, Graph
from policies.rule import Context
from policies.rules import RULES, check
from tests.policies.cases import CASES, Case
from tests.policies.stacks import OPEN, command, context, droplet, firewall, inbound, product, resource, settings


def rules_that_find(given: Context) -> set[str]:
    return {finding.rule for finding in check(given)}


@pytest.mark.parametrize(
    ("rule", "given"),
    [pytest.param(case.rule, given, id=f"{case.rule}-{n}") for case in CASES for n, given in enumerate(case.breaking)],
)
def test_a_stack_that_breaks_a_rule_is_found(rule: str, given: Context) -> None:
    assert rule in rules_that_find(given)


@pytest.mark.parametrize(
    ("rule", "given"),
    [pytest.param(case.rule, given, id=f"{case.rule}-{n}") for case in CASES for n, given in enumerate(case.fine)],
)
def test_a_stack_that_obeys_a_rule_is_not(rule: str, given: Context) -> None:
    assert rule not in rules_that_find(given)


def test_each_rule_has_a_stack_that_breaks_it_and_one_that_does_not() -> None:
    assert {case.rule for case in CASES if case.breaking and case.fine} == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_finding_is_one_line_with_its_place_and_what_would_be_right(case: Case) -> None:
    for given in case.breaking:
        for finding in check(given):
            assert finding.subject
            assert finding.right
            assert "\n" not in str(finding)


def test_a_finding_tells_too_little_of_a_secret_to_use_it() -> None:
    """ALL3"""
    given = context(
        droplet(userData="#!/bin/sh\nexport A=postgresql://user:hunter2hunter2@db/x"),
        resource("Tag", inputs={"name": "redis://:hunter2hunter2@cache/0"}),
        command(create="psql postgresql://user:hunter2hunter2@db/x"),
    )
    assert len(check(given)) >= 3
    assert not any("hunter2" in str(finding) for finding in check(given))


def test_what_somebody_wants_on_purpose_is_a_warning_and_no_error() -> None:
    anywhere = settings(access={"admin_cidrs": ["0.0.0.0/0"], "ssh_from_anywhere": True})
    found = check(context(firewall(inbound("22", OPEN)), of=anywhere))
    assert [finding.severity for finding in found if finding.rule == "public-ssh"] == ["warning"]
    public = settings(**product(backing={"uploads": {"public": True}}))
    bucket = resource("SpacesBucket", protect=True, inputs={"acl": "public-read", "name": "familyflow-uploads"})
    found = check(context(bucket, of=public))
    assert [finding.severity for finding in found if finding.rule == "public-bucket"] == ["warning"]


def test_the_worst_comes_first() -> None:
    found = check(context(droplet(monitoring=False, backups=False)))
    assert [finding.severity for finding in found] == ["error", "warning", "warning"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_is_not_known_yet_stops_no_rule(case: Case) -> None:
    for given in (*case.breaking, *case.fine):
        for path in {key for item in given.graph for key in item.inputs}:
            unknown = [dataclasses.replace(item, inputs={**item.inputs, path: UNKNOWN}) for item in given.graph]
            check(dataclasses.replace(given, graph=Graph(unknown)))
