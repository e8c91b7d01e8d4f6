"""SignUpFlow's image, its program run for real: with a Redis, but in no container and without PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_hex

import pytest

from tests.examples.running import EXAMPLES, Server, laid_over, redis_server, said, serving, virtualenv
from tests.ports import free_port

SIGNUPFLOW = EXAMPLES / "signupflow"
APP = SIGNUPFLOW / "app"
RUN = ("-m", "app")
NAMED = {"Host": "www.signupflow.io"}
SIGN_UP = {"place": 7, "name": "Ann"}


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of a virtualenv with the image's packages."""
    return virtualenv("signupflow")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="module")
def environment(redis_url: str) -> dict[str, str]:
    """A PostgreSQL that nobody answers for, and a Sentry that nobody finds."""
    return {
        "DATABASE_URL": f"postgresql://signupflow:{token_hex(16)}@127.0.0.1:{free_port()}/signupflow?sslmode=require",
        "DATABASE_POOL_SIZE": "3",
        "DATABASE_MAX_OVERFLOW": "2",
        "REDIS_URL": redis_url,
        "SECRET_KEY": token_hex(32),
        "ENVIRONMENT": "staging",
        "ALLOWED_HOSTS": "signupflow.io,www.signupflow.io",
        "SENTRY_DSN": f"https://{token_hex(16)}@errors.invalid/1",
        "VERSION": "3.2.1",
    }


@pytest.fixture(scope="module")
def app(python: Path, environment: dict[str, str]) -> Iterator[Server]:
    """The app."""
    with serving([str(python), *RUN], APP, environment) as server:
        yield server


def test_health_names_the_one_that_does_not_answer(app: Server) -> None:
    answer = app.ask("/health")
    told = answer.json()
    assert (answer.status, told["status"]) == (503, "unhealthy")
    assert told["checks"] == {"database": "OperationalError", "sessions": "ok"}
    assert (told["version"], told["environment"]) == ("3.2.1", "staging")
    assert told["uptime_seconds"] < 600
    assert told["memory_mib"] > 10


def test_without_the_database_nobody_signs_up_but_is_told_to_try_again(app: Server) -> None:
    for method, body in (("GET", None), ("POST", SIGN_UP)):
        answer = app.ask("/sign-ups", method, body, NAMED)
        assert (answer.status, answer.json()) == (503, {"error": "the database does not answer; try again"})
        assert "set-cookie" not in answer.headers


def test_without_sessions_nobody_signs_up_but_is_told_to_try_again(python: Path, environment: dict[str, str]) -> None:
    nowhere = {**environment, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    with serving([str(python), *RUN], APP, nowhere) as server:
        answer = server.ask("/sign-ups", "POST", SIGN_UP, NAMED)
        assert (answer.status, answer.json()) == (503, {"error": "the sessions do not answer; try again"})
        assert server.ask("/health").json()["checks"]["sessions"] == "ConnectionError"


@pytest.mark.parametrize("wrong", [{"place": 101, "name": "Ann"}, {"place": 1, "name": " "}, {"place": "1"}, b"{"])
def test_a_sign_up_that_cannot_be_one_is_refused(app: Server, wrong: object) -> None:
    headers = {**NAMED, "Content-Type": "application/json"}
    assert app.ask("/sign-ups", "POST", wrong, headers).status == 400


def test_the_version_stands_for_the_release_where_nobody_names_one(app: Server) -> None:
    told = app.ask("/release", headers=NAMED).json()
    assert set(told) == {"version", "release", "host"}
    assert told["version"] == told["release"] == "3.2.1"


def test_a_host_of_ours_names_the_release_and_itself(python: Path, environment: dict[str, str]) -> None:
    named = {"SLIPWAY_RELEASE": "20260101-000000", "SLIPWAY_HOST": "signupflow-1"}
    with serving([str(python), *RUN], APP, {**environment, **named}) as server:
        told = server.ask("/release", headers=NAMED).json()
    assert told == {"version": "3.2.1", "release": "20260101-000000", "host": "signupflow-1"}


def test_it_answers_to_the_names_of_the_product_alone(app: Server) -> None:
    assert "<h1>SignUpFlow</h1>" in app.ask("/", headers=NAMED).text
    for path in ("/", "/release", "/sign-ups", "/migrations", "/session"):
        answer = app.ask(path, headers={"Host": "elsewhere.example.com"})
        assert (answer.status, answer.json()) == (400, {"error": "this host has another name"})


def test_who_brings_no_session_has_none(app: Server) -> None:
    assert app.ask("/session", headers=NAMED).status == 401
    assert app.ask("/session", headers={**NAMED, "Cookie": f"session={token_hex(16)}"}).status == 401


def test_a_session_is_found_by_its_token_which_the_store_does_not_know(
    python: Path, environment: dict[str, str]
) -> None:
    program = """
import os, redis
from app.sessions import Sessions
url, key = os.environ["REDIS_URL"], os.environ["SECRET_KEY"]
token = Sessions(url, key).begin("Ann")
print(Sessions(url, key).name(token), Sessions(url, key[::-1]).name(token))
print(any(token.encode() in found for found in redis.Redis.from_url(url).keys()))
"""
    assert said([str(python), "-c", program], APP, environment) == (0, "Ann None\nFalse\n")


def test_a_line_of_the_log_tells_of_each_request_and_its_id(python: Path, environment: dict[str, str]) -> None:
    with serving([str(python), *RUN], APP, environment) as server:
        assert server.ask("/release", headers={**NAMED, "X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
        made = server.ask("/a%0Ab?token=hidden", headers={**NAMED, "X-Request-ID": "two words"}).headers["x-request-id"]
        assert server.end() == 0, server.written
    lines = server.written[0].splitlines()
    assert any("[abc-1]: GET /release 200 " in line for line in lines)
    assert any(f"[{made}]: GET /a%0Ab 404 " in line for line in lines)
    assert "two words" not in server.written[0]
    assert "hidden" not in server.written[0]


def test_a_stop_answers_what_was_asked(python: Path, environment: dict[str, str]) -> None:
    with serving([str(python), *RUN], APP, environment) as server, ThreadPoolExecutor() as asking:
        slow = asking.submit(server.ask, "/slow?seconds=4", headers=NAMED)
        time.sleep(2)
        assert server.end() == 0, server.written
        assert slow.result().status == 200


def test_a_stop_does_not_wait_for_a_connection_on_which_nothing_was_asked(
    python: Path, environment: dict[str, str]
) -> None:
    with (
        serving([str(python), *RUN], APP, environment) as server,
        closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as kept,
    ):
        kept.request("GET", "/release", headers=NAMED)
        assert kept.getresponse().read()
        began = time.monotonic()
        assert server.end() == 0, server.written
        assert time.monotonic() - began < 15


def test_the_slowest_answer_is_given_before_the_platform_ends_the_process(
    python: Path, environment: dict[str, str], app: Server
) -> None:
    program = (
        "from app.__main__ import LONGEST_STOP; from app.api import LONGEST_SLEEP; print(LONGEST_SLEEP, LONGEST_STOP)"
    )
    assert said([str(python), "-c", program], APP, environment) == (0, "28 29\n")
    assert app.ask("/slow?seconds=28.1", headers=NAMED).status == 400


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://signupflow@localhost/signupflow"),
        ("DATABASE_URL", "postgresql://signupflow@localhost:port/signupflow"),
        ("DATABASE_POOL_SIZE", "many"),
        ("DATABASE_MAX_OVERFLOW", "-1"),
        ("REDIS_URL", ""),
        ("REDIS_URL", "http://localhost"),
        ("SECRET_KEY", "tiny"),
        ("ENVIRONMENT", "live"),
        ("ALLOWED_HOSTS", "https://signupflow.io"),
        ("SENTRY_DSN", "errors"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line_without_its_value(
    python: Path, environment: dict[str, str], variable: str, value: str
) -> None:
    code, words = said([str(python), *RUN], APP, {**environment, variable: value})
    assert code == 1
    assert words.startswith(f"the environment variable {variable} ")
    assert words.count("\n") == 1
    assert not value or f" {value}" not in words


@pytest.mark.parametrize(("variant", "head"), [("", "0001_first"), ("migration-fails", "0002_half")])
def test_migrations_follow_one_another(python: Path, tmp_path: Path, variant: str, head: str) -> None:
    laid_over("signupflow", "app", variant, tmp_path)
    alembic = [str(python.with_name("alembic")), "heads"]
    assert said(alembic, tmp_path.parent, {"ALEMBIC_CONFIG": str(tmp_path / "alembic.ini")}) == (0, f"{head} (head)\n")


def test_a_migration_without_a_database_names_the_variable(python: Path) -> None:
    environment = {"ALEMBIC_CONFIG": str(APP / "alembic.ini"), "PYTHONPATH": str(APP)}
    code, words = said([str(python.with_name("alembic")), "upgrade", "head"], SIGNUPFLOW, environment)
    assert (code, words) == (1, "the environment variable DATABASE_URL is not set\n")
