"""Vulcan's two images, their programs run for real: with a Redis, but in no container and without PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from tests.examples.running import EXAMPLES, PLATFORM, Server, laid_over, redis_server, said, serving, virtualenv
from tests.ports import free_port

VULCAN = EXAMPLES / "vulcan"
BACKEND, FRONTEND = VULCAN / "backend", VULCAN / "frontend"
ORIGIN = "https://app.example.com"
RUN = ("-m", "app")


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of a virtualenv with the backend's packages."""
    return virtualenv("vulcan")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="module")
def environment(redis_url: str) -> dict[str, str]:
    """A PostgreSQL that nobody answers for, and two processes."""
    return {
        "DATABASE_URL": f"postgresql://vulcan:{token_hex(16)}@127.0.0.1:{free_port()}/vulcan?sslmode=require",
        "REDIS_URL": redis_url,
        "SECRET_KEY": token_hex(32),
        "BACKEND_CORS_ORIGINS": f'["{ORIGIN}"]',
        "WEB_CONCURRENCY": "2",
        **PLATFORM,
    }


@pytest.fixture(scope="module")
def backend(python: Path, environment: dict[str, str]) -> Iterator[Server]:
    """The backend."""
    with serving([str(python), *RUN], BACKEND, environment) as server:
        yield server


def test_health_names_the_one_that_does_not_answer(backend: Server) -> None:
    answer = backend.ask("/api/v1/utils/health-check/")
    assert answer.status == 503
    assert answer.json()["checks"] == {"database": "OperationalError", "redis": "ok"}


def test_without_the_database_notes_are_asked_for_again_later(backend: Server) -> None:
    answer = backend.ask("/api/v1/notes/")
    assert (answer.status, answer.json()) == (503, {"error": "the database does not answer; try again"})


def test_the_release_is_the_one_that_the_platform_names(backend: Server) -> None:
    told = {name.removeprefix("SLIPWAY_").lower(): value for name, value in PLATFORM.items()}
    assert backend.ask("/api/v1/release/").json().items() >= told.items()


def test_only_the_page_may_ask_from_another_address(backend: Server) -> None:
    allowed = backend.ask("/api/v1/release/", headers={"Origin": ORIGIN}).headers
    assert allowed["access-control-allow-origin"] == ORIGIN
    refused = backend.ask("/api/v1/release/", headers={"Origin": "https://elsewhere.example.com"}).headers
    assert "access-control-allow-origin" not in refused


def test_metrics_count_what_all_processes_answered(backend: Server) -> None:
    for _ in range(40):
        assert backend.ask("/api/v1/slow?seconds=0").status == 200
    line = 'vulcan_requests_total{method="GET",route="/api/v1/slow",status="200"} 40.0'
    assert {line in backend.ask("/metrics").text for _ in range(10)} == {True}  # whichever process answers


def test_a_stop_answers_what_was_asked(python: Path, environment: dict[str, str]) -> None:
    with serving([str(python), *RUN], BACKEND, environment) as server, ThreadPoolExecutor() as asking:
        slow = asking.submit(server.ask, "/api/v1/slow?seconds=4")
        time.sleep(2)
        assert server.end() == 0, server.written
        assert slow.result().status == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://vulcan"),
        ("REDIS_URL", ""),
        ("SECRET_KEY", "tiny"),
        ("BACKEND_CORS_ORIGINS", ORIGIN),
        ("WEB_CONCURRENCY", "0"),
        ("DB_POOL_SIZE", "many"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line_without_its_value(
    python: Path, environment: dict[str, str], variable: str, value: str
) -> None:
    code, words = said([str(python), *RUN], BACKEND, {**environment, variable: value})
    assert code == 1
    assert variable in words
    assert words.count("\n") == 1
    assert not value or f" {value}" not in words


@pytest.mark.parametrize(
    ("variant", "head"),
    [("", "0001_first"), ("migration-fails", "0002_half"), ("additive-migration", "0002_colour")],
)
def test_migrations_follow_one_another(python: Path, tmp_path: Path, variant: str, head: str) -> None:
    laid_over("vulcan", "backend", variant, tmp_path)
    alembic = [str(python.with_name("alembic")), "heads"]
    assert said(alembic, tmp_path.parent, {"ALEMBIC_CONFIG": str(tmp_path / "alembic.ini")}) == (0, f"{head} (head)\n")


def test_a_migration_without_a_database_names_the_variable(python: Path) -> None:
    environment = {"ALEMBIC_CONFIG": str(BACKEND / "alembic.ini"), "PYTHONPATH": str(BACKEND)}
    code, words = said([str(python.with_name("alembic")), "upgrade", "head"], VULCAN, environment)
    assert (code, words) == (1, "the environment variable DATABASE_URL is not set\n")


def test_node_serves_the_page_and_what_the_environment_says_to_it() -> None:
    environment = {"NEXT_PUBLIC_API_URL": "https://api.example.com", "VERSION": "3.2.1", **PLATFORM}
    with serving(["node", str(FRONTEND / "server.mjs")], FRONTEND, environment) as server:
        assert "<h1>Vulcan</h1>" in server.ask("/").text
        settings = server.ask("/settings.json").json()
        assert (settings["api"], settings["version"]) == ("https://api.example.com", "3.2.1")
        assert (settings["release"], settings["debug"]) == (PLATFORM["SLIPWAY_RELEASE"], False)
        assert server.ask("/../server.mjs").status == 404
        assert server.ask("/", "POST", {}).status == 405
        assert server.end() == 0, server.written


def test_the_page_is_not_served_for_an_api_that_is_nowhere() -> None:
    code, words = said(["node", str(FRONTEND / "server.mjs")], FRONTEND, {"NEXT_PUBLIC_API_URL": "api.example.com"})
    assert (code, words) == (1, "NEXT_PUBLIC_API_URL should be an origin, such as https://api.example.com\n")
