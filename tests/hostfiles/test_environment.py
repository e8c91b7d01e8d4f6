"""The product's variables (FF7, FF10), written as the host reads them."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostfiles import droplet_pm2, environment
from scripts.host import dotenv as host_dotenv
from settings.stack import Settings
from tests.hostfiles.stacks import raw, stack, variables, words

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=60)
NASTY = (
    "",
    " ",
    "'",
    '"',
    "\\",
    "\\'",
    "'\\",
    "$HOME",
    "${A}",
    "`id`",
    "a b",
    "#x",
    "a#b",
    "\\n",
    "=",
    "é\u2028\x85",
    "'" * 3,
)


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(NASTY), max_size=6))
def test_the_host_reads_every_value_as_it_was(given_variables: dict[str, str]) -> None:
    """FF7."""
    assert host_dotenv.parse(environment.dotenv(given_variables)) == given_variables


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(NASTY), max_size=6))
def test_the_host_reads_a_containers_variables_as_they_were(given_variables: dict[str, str]) -> None:
    """VU4."""
    assert host_dotenv.parse(environment.compose_env_file(given_variables)) == given_variables


@given(VALUES | st.sampled_from(NASTY))
def test_compose_finds_nothing_to_fill_in_or_to_leave_out(value: str) -> None:
    """Compose's reader (compose-go, dotenv/parser.go): in single quotes a backslash and a quote are special; in double
    ones a backslash before `abcfnrtv$"0` or another, a quote, and `$`."""
    quoted = environment.compose_env_file({"A": value}).removeprefix("A=").removesuffix("\n")
    if quoted.startswith("'"):
        assert not set("'\\") & set(quoted[1:-1])
    else:
        left = re.sub(r'\\[\\"$]', "", quoted[1:-1])
        assert not set('"$\\') & set(left)


def test_one_line_is_one_variable_in_the_order_of_names() -> None:
    lines = environment.dotenv({"B": "it's", "A": "1"}).splitlines()
    assert lines == ["A='1'", r"B='it\'s'"]


def test_the_environment_is_what_section_four_of_the_document_asks_for(familyflow: Settings) -> None:
    """FF7."""
    found = variables(familyflow)
    for variable in ("SUPABASE_DB_URL", "SUPABASE_URL", "SUPABASE_PROJECT_REF", "SUPABASE_ANON_KEY", "SECRET_KEY"):
        assert found[variable]
    assert found["SUPABASE_SERVICE_ROLE_KEY"] == "<secret SUPABASE_SERVICE_ROLE_KEY>"
    assert found["REDIS_URL"] == "redis://:password-of-cache@127.0.0.1:6379/0"
    assert found["CELERY_BROKER_URL"] == "amqp://familyflow:password-of-queue@127.0.0.1:5672/familyflow"
    assert found["AWS_ACCESS_KEY_ID"] == "<access_key of uploads>"
    assert found["AWS_SECRET_ACCESS_KEY"] == "<secret_key of uploads>"
    assert (found["DEBUG"], found["ALLOWED_HOSTS"]) == ("False", "familyflow.example.com")
    assert found["SECRET_KEY"] == "<generated SECRET_KEY>"


def test_debug_and_allowed_hosts_are_safe_where_the_stack_file_is_silent() -> None:
    """FF10."""
    found = variables(stack({"environment": {}, "aliases": ["www.familyflow.example.com"]}))
    assert found["DEBUG"] == "False"
    assert found["ALLOWED_HOSTS"] == "familyflow.example.com,www.familyflow.example.com"
    assert found["AWS_SECRET_ACCESS_KEY"] == "<secret_key of uploads>"


def test_what_the_stack_file_says_is_never_changed() -> None:
    said = {"DEBUG": "True", "ALLOWED_HOSTS": "*", "AWS_ACCESS_KEY_ID": {"secret": "SUPABASE_S3_KEY"}}
    found = variables(stack({"environment": said}))
    assert (found["DEBUG"], found["ALLOWED_HOSTS"]) == ("True", "*")
    assert found["AWS_ACCESS_KEY_ID"] == "<secret SUPABASE_S3_KEY>"


def test_of_two_buckets_neither_is_chosen() -> None:
    other = {"engine": "object-storage", "provider": "managed"}
    found = variables(stack({"environment": {}, "backing": {**raw("backing"), "archive": other}}))
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(found)


def test_the_parts_of_an_external_url_can_be_asked_for() -> None:
    asked = {
        f"DB_{field}".upper(): {"from": "database", "field": field} for field in ("host", "port", "user", "password")
    }
    settings = stack({"environment": {**asked, "DB_NAME": {"from": "database", "field": "database"}}})
    password = secrets.token_urlsafe(8)
    url = f"postgresql://postgres.abc:{password}%40@db.example.com/postgres?sslmode=require"
    found = environment.resolve(
        settings, {"SUPABASE_DB_URL": url}, {}, {"uploads": dict.fromkeys(("access_key", "secret_key"), "-")}
    )
    assert (found["DB_HOST"], found["DB_PORT"], found["DB_USER"]) == ("db.example.com", "5432", "postgres.abc")
    assert (found["DB_PASSWORD"], found["DB_NAME"]) == (f"{password}@", "postgres")


@pytest.mark.parametrize("url", ["postgresql://db.example.com:port/x", "postgresql://db.example.com/x"])
def test_a_part_that_the_url_lacks_is_named_and_the_url_is_not(url: str) -> None:
    """ALL3."""
    settings = stack({"environment": {"DB_USER": {"from": "database", "field": "user"}}})
    with pytest.raises(ValueError, match=r"database has no user|can't be read") as raised:
        environment.resolve(settings, {"SUPABASE_DB_URL": url}, {}, {})
    assert "db.example.com" not in str(raised.value)


@pytest.mark.parametrize("end", ["\n", "\r", "\0"])
def test_a_secret_of_several_lines_is_refused_by_name(end: str) -> None:
    settings = stack({"environment": {"KEY": {"secret": "KEY"}}})
    value = secrets.token_hex(4)
    with pytest.raises(ValueError, match="KEY has more than one line") as raised:
        environment.resolve(settings, {**words(settings)[0], "KEY": value + end}, {}, words(settings)[2])
    assert value not in str(raised.value)


def test_the_example_has_names_and_comments_only(familyflow: Settings) -> None:
    """FF7."""
    lines = environment.dotenv_example(familyflow).splitlines()
    names = [line.removesuffix("=") for line in lines if line and not line.startswith("#")]
    assert names == sorted(variables(familyflow))
    assert all(line.endswith("=") for line in lines if line and not line.startswith("#"))
    assert "# a secret: pulumi config set --secret slipway:SENTRY_DSN -s familyflow" in lines


@pytest.mark.parametrize(
    "product",
    [
        {},
        {"environment": {}},
        {"environment": {"DEBUG": "True", "AWS_ACCESS_KEY_ID": {"secret": "SUPABASE_S3_KEY"}}},
        {"environment": {}, "backing": {"uploads": {"engine": "object-storage", "provider": "external"}}},
        {"environment": {}, "backing": {}},
    ],
    ids=["as it is", "silent", "said", "a bucket without keys", "no bucket"],
)
def test_the_names_of_all_variables_are_known_before_their_values(product: dict[str, Any]) -> None:
    """For a platform, which is told of each by itself."""
    settings = stack(product)
    given_secrets, generated, facts, passwords = words(settings)
    known = {**facts, **droplet_pm2.backing_facts(settings, passwords)}
    found = environment.service_variables(settings, "api", given_secrets, generated, known)
    assert environment.variable_names(settings, "api") == set(found)


def test_only_what_anybody_may_read_is_plain() -> None:
    said = {"A": "text", "B": {"secret": "B"}, "C": {"generate": 20}, "D": {"from": "domain"}}
    settings = stack({"environment": {**said, "E": {"from": "uploads", "field": "bucket"}}})
    name = settings.product.domain
    assert environment.plain_variables(settings, "api") == {
        "A": "text",
        "ALLOWED_HOSTS": name,
        "D": name,
        "DEBUG": "False",
    }


def test_a_service_s_own_secret_over_a_plain_text_is_not_plain() -> None:
    values = raw("services")
    values["api"]["environment"] = {"A": "its own"}
    settings = stack({"environment": {"A": {"secret": "A"}, "DEBUG": {"secret": "D"}}, "services": values})
    assert environment.plain_variables(settings, "api") == {"A": "its own", "ALLOWED_HOSTS": settings.product.domain}
    assert "A" not in environment.plain_variables(settings, "worker")
