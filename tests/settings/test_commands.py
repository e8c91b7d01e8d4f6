"""Commands that a kind would run otherwise than they read."""

from __future__ import annotations

import pytest

from tests.settings.stack import told

JOB, SERVICE = "product.jobs.migrate.command", "product.services.backend.command"
SHELL = "should be `sh -c '…'`, or a script of the product's; in quotes where it is text"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("alembic upgrade head && seed > /dev/null", "&&"),
        ("alembic upgrade head; seed", ";"),
        ("seed > /dev/null", ">"),
        ("seed 2>&1", ">&"),
        ("uvicorn app:app --port $PORT | tee /log", "a variable"),
        ("uvicorn app:app --port ${PORT:-80}", "a variable"),
        ('uvicorn app:app --bind "0.0.0.0:$PORT"', "a variable"),
        ("uvicorn app:app --workers $(nproc)", "a substitution"),
        ("uvicorn app:app --workers `nproc`", "a substitution"),
    ],
)
@pytest.mark.parametrize("key", [JOB, SERVICE, "product.services.backend.ready"])
def test_a_container_is_not_told_what_only_a_shell_understands(key: str, command: str, found: str) -> None:
    line = f"slipway:{key}: has {found}, and no shell reads it in a container, {SHELL}"
    assert told({key: command}, stack="prod") == [line]


@pytest.mark.parametrize(
    "command",
    [
        "alembic upgrade head",
        "sh -c 'alembic upgrade head && seed > /dev/null'",
        '/bin/bash -c "exec uvicorn app:app --port $PORT"',
        "python -c 'print(1); print(2)'",
        r"find . -name x \;",
        "grep -E ^a$ file",
        'echo "a && b" 5$ "costs \\$PORT"',
    ],
)
def test_a_container_runs_words_and_a_shell_that_is_named(command: str) -> None:
    assert told({JOB: command, SERVICE: command}, stack="prod") == []


API = "product.services.api.command"


@pytest.mark.parametrize(
    ("command", "found"),
    [("cd app && gunicorn config.wsgi", "&&"), ("gunicorn app | tee log", "|"), ("(gunicorn app)", "("), ("a; b", ";")],
)
def test_a_service_under_pm2_is_one_program(command: str, found: str) -> None:
    right = "should be `bash -c '… && exec …'`, or a script of the product's; in quotes where it is text"
    line = f"slipway:{API}: has {found}, and droplet-pm2 runs it as one program (`exec <command>`), {right}"
    assert told({API: command}) == [line]


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn app --workers $(( $(nproc) * 2 ))",
        "gunicorn app --workers ${WORKERS:-2} > log 2>&1",
        "gunicorn app &> log",
        "bash -c 'cd app && exec gunicorn app'",
    ],
)
def test_bash_fills_in_what_it_runs_under_pm2(command: str) -> None:
    assert told({API: command}) == []


def test_a_job_under_pm2_is_bashs() -> None:
    assert told({"product.jobs.migrate.command": "cd app && python manage.py migrate | tee log"}) == []


@pytest.mark.parametrize(("stack", "key"), [("familyflow", API), ("prod", SERVICE)])
def test_a_variable_is_no_program(stack: str, key: str) -> None:
    (line,) = told({key: "LEVEL=debug gunicorn app"}, stack=stack)
    assert (
        line == f"slipway:{key}: starts with a variable, should start with a program: say the variable in `environment`"
    )
