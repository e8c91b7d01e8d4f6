"""Each rule, with stacks that break it and stacks that obey it."""

from __future__ import annotations

import dataclasses

import pytest

from policies.graph import RELEASE_JSON, UNKNOWN, Graph
from policies.rule import Context
from policies.rules import RULES, check
from tests.policies import app_cases, cases, data_cases, fleet_cases
from tests.policies.stacks import (
    OPEN,
    Case,
    apply,
    command,
    compose,
    context,
    droplet,
    firewall,
    inbound,
    product,
    resource,
    settings,
    uptime,
)

CASES = [*cases.CASES, *fleet_cases.CASES, *data_cases.CASES, *app_cases.CASES]


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


@pytest.mark.parametrize(
    ("size", "right"),
    [
        ("db-s-1vcpu-2gb", "members: 3"),
        ("db-s-1vcpu-1gb", "members: 3, and a larger size: this one comes as one node"),
    ],
)
def test_more_nodes_are_asked_for_only_of_a_size_that_takes_them(size: str, right: str) -> None:
    inputs = {"engine": "mongodb", "nodeCount": 1, "size": size}
    found = check(context(resource("DatabaseCluster", protect=True, inputs=inputs)))
    assert [finding.right for finding in found if finding.rule == "single-node"] == [right]


def test_what_somebody_wants_on_purpose_is_a_warning_and_no_error() -> None:
    anywhere = settings(access={"admin_cidrs": ["0.0.0.0/0"], "ssh_from_anywhere": True})
    found = check(context(firewall(inbound("22", OPEN)), of=anywhere))
    assert [finding.severity for finding in found if finding.rule == "public-ssh"] == ["warning"]
    public = settings(**product(backing={"uploads": {"public": True}}))
    bucket = resource("SpacesBucket", protect=True, inputs={"acl": "public-read", "name": "familyflow-uploads"})
    found = check(context(bucket, of=public))
    assert [finding.severity for finding in found if finding.rule == "public-bucket"] == ["warning"]


def severities(rule: str, given: Context) -> set[str]:
    return {finding.severity for finding in check(given) if finding.rule == rule}


def test_a_tag_is_a_warning_where_a_host_pulls_it_and_an_error_where_it_is_released() -> None:
    assert severities("unpinned-release", context(fleet_cases.runs("postgres:17"))) == {"warning"}
    asked = fleet_cases.release({"images": {"api": "ghcr.io/a/b:1"}})
    assert severities("unpinned-release", context(asked)) == {"error"}


def test_what_a_host_runs_and_dumps_with_is_told_once() -> None:
    dumping = {"path": RELEASE_JSON, "content": '{"dumps": [{"image": "postgres:17"}]}'}
    told = apply(files=[dumping, compose(database={"image": "postgres:17"})])
    found = [finding for finding in check(context(told)) if finding.rule == "unpinned-release"]
    assert [finding.subject for finding in found] == ["/opt/a/compose.yaml"]


def test_to_be_root_on_the_host_is_worse_than_to_be_root_in_a_container() -> None:
    assert severities("root-container", context(apply(files=[compose(api={"user": "root"})]))) == {"warning"}
    assert severities("root-container", context(apply(files=[compose(api={"privileged": True})]))) == {"error"}


def test_what_one_machine_alone_does_is_a_note() -> None:
    assert severities("lone-host", context(of=settings("prod", "prod", architecture={"hosts": 1}))) == {"note"}
    single = resource("DatabaseCluster", protect=True, inputs={"nodeCount": 1, "engine": "pg"})
    assert severities("single-node", context(single)) == {"note"}


def test_of_data_on_a_volume_the_droplets_own_backups_are_not_asked_for() -> None:
    found = check(context(droplet(backups=False), data_cases.ON_VOLUME))
    assert [finding.what for finding in found if finding.rule == "no-backups"] == [
        "keeps data on a volume, which backups of a droplet leave out"
    ]


def test_a_name_that_nobody_looks_at_is_told_by_its_key() -> None:
    found = check(context(of=settings("prod", "prod")))
    assert [finding.subject for finding in found if finding.rule == "no-outside-check"] == [
        "slipway:product.domain",
        "slipway:product.routes",
    ]


def test_a_name_that_has_routes_of_its_own_is_looked_at_by_itself() -> None:
    found = check(context(uptime("https://app.example.com/"), of=settings("prod", "prod")))
    assert [finding.what for finding in found if finding.rule == "no-outside-check"] == [
        "nothing looks at https://api.example.com/ from outside"
    ]


def test_the_worst_comes_first() -> None:
    found = check(context(droplet(monitoring=False, backups=False)))
    assert [finding.severity for finding in found] == ["error", "warning", "warning"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_what_is_not_known_yet_stops_no_rule(case: Case) -> None:
    for given in (*case.breaking, *case.fine):
        for path in {key for item in given.graph for key in item.inputs}:
            unknown = [dataclasses.replace(item, inputs={**item.inputs, path: UNKNOWN}) for item in given.graph]
            check(dataclasses.replace(given, graph=Graph(unknown)))
