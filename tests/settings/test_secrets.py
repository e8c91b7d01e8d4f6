"""A secret in the wrong place is told, with the way to set it, and never repeated (ALL3)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest

from settings.check_variables import looks_secret
from settings.masking import may_be_secret, shown
from settings.problems import Problem, nearest
from tests.settings.stack import SECRETS, told

P = "slipway:product"


MAY_HOLD_ANY_TEXT = {
    "product.services.api.command",
    "product.services.api.build",
    "product.services.api.directory",
    "product.backing.uploads.bucket",
}


def token(prefix: str = "") -> str:
    """A secret that exists for this test alone."""
    return prefix + secrets.token_urlsafe(24)


def test_a_secret_in_plain_is_told_with_the_way_to_set_it() -> None:
    value = token()
    lines = told({"product.environment.SECRET_KEY": value})
    assert lines == [
        f"{P}.environment.SECRET_KEY: looks like a secret in plain, should be {{secret: SECRET_KEY}} and then "
        "`pulumi config set --secret slipway:SECRET_KEY -s familyflow`"
    ]


def test_a_secret_that_is_set_in_plain_is_told_with_the_way_to_set_it() -> None:
    lines = told({}, secrets=SECRETS - {"SENTRY_DSN"}, others=["SENTRY_DSN"])
    assert lines[0] == (
        "slipway:SENTRY_DSN: is a secret in plain, should be encrypted: take it out, make a new one, "
        "`pulumi config set --secret slipway:SENTRY_DSN -s familyflow`"
    )


@pytest.mark.parametrize(
    "place",
    [
        "product.release.commit",
        "product.domain",
        "product.contact",
        "product.name",
        "product.aliases.0",
        "product.source.repository",
        "product.source.token",
        "product.source.token.secret",
        "product.services.api.command",
        "product.services.api.build",
        "product.services.api.port",
        "product.services.api.memory",
        "product.services.api.role",
        "product.services.api.replicas",
        "product.services.api.directory",
        "product.routes.0.service",
        "product.routes.0.path",
        "product.jobs.migrate.schedule",
        "product.jobs.migrate.when",
        "product.backing.database.url",
        "product.backing.database.url.secret",
        "product.backing.cache.engine",
        "product.backing.cache.provider",
        "product.backing.uploads.bucket",
        "product.environment.SECRET_KEY",
        "product.environment.SECRET_KEY.generate",
        "product.environment.SENTRY_DSN.secret",
        "product.environment.REDIS_URL.from",
        "product.environment.REDIS_URL.field",
        "product.environment.REDIS_URL.pool",
        "product.release.images.api",
        "architecture.kind",
        "architecture.region",
        "architecture.size",
        "architecture.network",
        "architecture.swap",
        "access.ssh_keys.0",
        "access.admin_cidrs.0",
        "dns.zone",
        "dns.zone_id",
        "dns.provider",
        "alerts.email.0",
        "budget.monthly",
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        token,
        lambda: token("ghp_"),
        lambda: token("dop_v1_"),
        lambda: f"https://user:{token()}@example.com/x",
        lambda: "-----BEGIN OPENSSH PRIVATE KEY-----\n" + token() + "\n-----END",
        lambda: secrets.token_hex(20)[:-1],
    ],
    ids=["random", "github", "digitalocean", "url", "private key", "hexadecimal"],
)
def test_a_secret_in_the_wrong_key_is_not_repeated(place: str, make: Callable[[], str]) -> None:
    value = make()
    secret = re.split(r"[:@\n]", value)[-2 if value.startswith(("https", "-----")) else -1]
    assert len(secret) > 16
    lists = {"product.aliases.0": "product.aliases", "alerts.email.0": "alerts.email"}
    lines = told({lists[place]: [value]} if place in lists else {place: value})
    assert lines or place in MAY_HOLD_ANY_TEXT
    for line in lines:
        assert "\n" not in line
        assert not any(secret[start : start + 8] in line for start in range(len(secret) - 7))


def test_a_token_of_a_known_maker_is_told_wherever_it_is() -> None:
    assert told({"product.services.api.command": f"gunicorn config.wsgi --env TOKEN={token('ghp_')}"}) == [
        f"{P}.services.api.command: holds a secret in plain, should name it: take it out, make a new one, "
        "`pulumi config set --secret slipway:NAME`, and {secret: NAME} where a secret may be named"
    ]


def test_a_secret_that_slipped_into_a_key_is_not_repeated() -> None:
    value = token("ghp_")
    lines = told({"product.environment.SECRET_KEY": {"generate": 50, value: 1}, f"product.{value}": 1})
    assert lines == [
        f"{P}.<hidden, {len(value)} characters>: unknown key; known here: aliases, backing, contact, domain, "
        "environment, jobs, logs, name, registry, release, routes, services, source",
        f"{P}.environment.SECRET_KEY: has an unknown key; known here: generate",
    ]


def test_a_secret_that_is_encrypted_inside_a_block_is_told_to_move_to_the_top() -> None:
    """Nested secrets lose their mark."""
    lines = told({"product.environment.SENTRY_DSN": {"secure": token()}, "product.services.api.port": "x"})
    assert lines == [
        f"{P}.environment.SENTRY_DSN: holds an encrypted value, which loses its mark inside a block, should be a key "
        "of its own: `pulumi config set --secret slipway:NAME`, and {secret: NAME} here",
        f"{P}.services.api.port: is text, should be a whole number of at least 1 and at most 65535",
    ]


def test_a_block_that_is_encrypted_whole_is_told() -> None:
    assert told({"alerts": {"secure": token()}}) == [
        "slipway:alerts: holds an encrypted value, which loses its mark inside a block, should be a key of its own: "
        "`pulumi config set --secret slipway:NAME`, and {secret: NAME} here"
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", "correct horse"),
        ("STRIPE_TOKEN", "x"),
        ("DB_PASSWORD", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("SUPABASE_SERVICE_ROLE_KEY", "x"),
        ("SENTRY_DSN", "https://abc@example.com/1"),
        ("DATABASE", "postgres://user:word@example.com/db"),
        ("ANYTHING", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_shape(variable: str, value: str) -> None:
    assert looks_secret(variable, value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY", "sb_publishable_example"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "30"),
        ("TOKEN_URL", "https://example.com/token"),
        ("SUPABASE_PROJECT_REF", "abcdefghijklmnopqrst"),
        ("SECRET_KEY", ""),
        ("CORS_ORIGINS", "https://devora.ai,https://www.devora.ai"),
        ("RELEASE", "3f2c9d0e5b7a48d1926c0e4f7a8b3d5c6e1f2a90"),
    ],
)
def test_what_is_no_secret_may_be_said_in_plain(variable: str, value: str) -> None:
    assert not looks_secret(variable, value)


@pytest.mark.parametrize(
    "text",
    [
        "familyflow.example.com",
        "ghcr.io/example/backend:latest",
        "python manage.py migrate --noinput",
        "a-very-long-name-of-a-service-with-many-parts",
        "NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY",
        "AWS_S3_ENDPOINT_URL",
        "2001:db8::/32",
        "0 2 * * *",
    ],
)
def test_ordinary_text_is_quoted_in_messages(text: str) -> None:
    assert not may_be_secret(text)
    assert shown(text) == repr(text)


def test_a_problem_is_one_line_without_control_characters() -> None:
    problem = Problem("a\nb", "c\r\n\x1b[31md\u2028e\ud800")
    assert str(problem) == "a\\nb: c\\r\\n\\x1b[31md\\u2028e\\ud800"
    str(problem).encode()


def test_a_hint_never_compares_a_secret() -> None:
    assert nearest(token("ghp_"), ["one", "two"]) == "known here: one, two"
