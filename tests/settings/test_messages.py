"""Every mistake is one line: key path, what is wrong, what would be right (the list of "Bad input")."""

from __future__ import annotations

import re
from typing import Any

import pytest

from settings.parse import parse
from settings.problems import SettingsError
from tests.settings.stack import MISTAKES, SECRETS, SECRETS_OF, Missing, good, told

P, A = "slipway:product", "slipway:architecture"


@pytest.mark.parametrize("stack", SECRETS_OF)
def test_the_good_stack_is_good(stack: str) -> None:
    assert told({}, stack=stack) == []


@pytest.mark.parametrize("case", MISTAKES, ids=[f"{case['stack']}, {case['mistake']}" for case in MISTAKES])
def test_a_mistake_is_one_line(case: dict[str, Any]) -> None:
    changes = case.get("change", {}) | dict.fromkeys(case.get("without", []), Missing)
    assert told(changes, stack=case["stack"]) == case["told"].splitlines()


def test_every_line_of_the_list_starts_with_its_key_path_and_says_what_would_be_right() -> None:
    right = r"should be|should have|did you mean|known here|leave (it|that|`\w+`) out| is not |at most|write |one of "
    ways = r"use \w+ for both|say `|add it|each its own|another path|move it to|let a service|give the zone"
    for line in (line for case in MISTAKES for line in case["told"].splitlines()):
        assert re.match(r"slipway:[a-z]+(\.[\w'/-]+|\[\d+\])*: ", line), line
        assert re.search(f"{right}|{ways}", line), line


def test_a_name_is_too_long_together_with_the_stacks() -> None:
    changes = {"product.name": "f" * 32}
    stack = "production-of-the-north"
    lines = [line for line in told(changes, stack=stack) if line.startswith(f"{P}.name")]
    assert lines == [
        f"{P}.name: is too long: with the stack's name it makes host names over 63 characters, "
        "should be at most 22 here"
    ]


def test_a_bucket_name_that_comes_out_too_long_is_told() -> None:
    changes = {
        "product.name": "f" * 28,
        "product.backing": {"u" * 32: {"engine": "object-storage", "provider": "managed"}},
        "product.environment": {},
    }
    assert told(changes, stack="preview", secrets=frozenset()) == [
        f"{P}.backing.{'u' * 32}: the bucket's name comes out 69 characters long, should be at most 63: say `bucket`"
    ]


def test_a_stack_name_that_cannot_name_hosts_is_told() -> None:
    assert told({}, stack="Prod_1") == [
        "stack: 'Prod_1' names resources and hosts, should be lower-case letters, digits and dashes, starting with a "
        "letter, at most 32: rename the file, or `pulumi stack rename`"
    ]


def test_a_missing_secret_is_told_with_the_command_that_sets_it() -> None:
    assert told({}, secrets=SECRETS - {"SENTRY_DSN"}) == [
        f"{P}.environment.SENTRY_DSN: the secret SENTRY_DSN is not set: "
        "`pulumi config set --secret slipway:SENTRY_DSN -s familyflow`"
    ]


def test_a_missing_secret_names_the_one_that_was_probably_meant() -> None:
    assert told({}, secrets=SECRETS - {"SENTRY_DSN"} | {"SENTRY_DNS"}) == [
        f"{P}.environment.SENTRY_DSN: the secret SENTRY_DSN is not set (SENTRY_DNS is, and nothing uses it): "
        "`pulumi config set --secret slipway:SENTRY_DSN -s familyflow`"
    ]


def test_the_plan_may_ask_without_secrets() -> None:
    settings = parse("familyflow", good(), frozenset(), require_secrets=False)
    assert {name for _, name in settings.product.secret_references()} == SECRETS


def test_a_key_that_is_no_block_names_the_nearest() -> None:
    assert told({}, others=["acess"]) == ["slipway:acess: unknown key; did you mean 'access'?"]


def test_mistakes_in_one_service_and_across_services_are_told_at_once() -> None:
    lines = told(
        {
            "product.services.api.prot": 1,
            "product.services.api.memory": "lots",
            "product.services.api.health": "health",
            "product.services.worker.port": 8000,
            "product.routes.0.service": "nothing",
            "product.environment.REDIS_URL": {"from": "nowhere"},
            "architecture.region": "nyc4",
            "dns.zone": "example.org",
            "access.admin_cidrs": ["0.0.0.0/0", "300.0.0.0/8"],
        }
    )
    assert [line.split(": ")[0] for line in lines] == [
        "slipway:access.admin_cidrs",
        "slipway:access.admin_cidrs[1]",
        f"{A}.region",
        "slipway:dns.zone",
        f"{P}.environment.REDIS_URL",
        f"{P}.routes[0].service",
        f"{P}.services.api.health",
        f"{P}.services.api.memory",
        f"{P}.services.api.prot",
        f"{P}.services.worker.port",
        f"{P}.services.worker.port",
    ]


def test_a_mistake_is_not_told_again_by_what_follows_from_it() -> None:
    """A port of the wrong type is not missing too; services of the wrong type make no route wrong."""
    assert told({"product.services.api.port": "x"}) == [
        f"{P}.services.api.port: is text, should be a whole number of at least 1 and at most 65535"
    ]
    assert told({"product.services": []}) == [f"{P}.services: is a list, should be a mapping"]


def test_the_error_holds_its_problems_in_order_and_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse("familyflow", {}, frozenset())
    assert [problem.path for problem in caught.value.problems] == [
        "slipway:access",
        "slipway:architecture",
        "slipway:dns",
        "slipway:product",
    ]


def test_a_variable_that_no_process_could_be_started_with_is_told() -> None:
    assert told({"product.environment.TEXT": "x" * 100_000}) == []
    assert told({"product.environment.TEXT": "x" * 100_001}) == [
        f"{P}.environment.TEXT: is too long, should be at most 100000 bytes: Linux starts no process with a longer one"
    ]


def test_a_variable_that_no_file_could_hold_is_told() -> None:
    """YAML's "\\ud800" is half of a pair, and no text in UTF-8."""
    assert told({"product.environment.TEXT": "a\ud800"}) == [
        f"{P}.environment.TEXT: has half a character (\\ud800 to \\udfff), should be whole ones: "
        "write the character itself"
    ]
