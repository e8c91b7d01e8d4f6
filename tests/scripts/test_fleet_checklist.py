"""The checklists: each line holds or says what does not, and on which host (VU9)."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest

from hostfiles import compose_host
from scripts.fleet import checklist
from scripts.fleet.progress import Progress
from scripts.fleet.protocol import FleetError, Release, Status, Traffic, UnderWay
from settings.problems import SettingsError
from settings.stack import Settings
from tests.hostfiles import compose_stacks
from tests.scripts.fake_order import NEW, OLD, OLDER
from tests.scripts.virtual_time import run

WELL = Status(OLD)
BUSY = Status(OLD, UnderWay(Release(NEW), OLD))


@pytest.mark.parametrize(
    ("statuses", "request_", "problem"),
    [
        ({"web-1": WELL, "web-2": None}, {}, "no answer from web-2"),
        ({"web-1": WELL, "web-2": BUSY}, {}, f"still under way on web-2 ({NEW})"),
        ({"web-1": WELL, "web-2": Status(OLDER)}, {}, f"they differ: web-1 {OLD}, web-2 {OLDER}"),
        ({"web-1": WELL}, {"backward_compatible": {"migrate": False}}, "by the stack file: jobs migrate"),
    ],
)
def test_each_line_before_a_release_can_fail(
    statuses: dict[str, Status | None], request_: dict[str, Any], problem: str
) -> None:
    problems = [check.problem for check in checklist.before(statuses, request_) if check.problem]
    assert len(problems) == 1
    assert problem in problems[0]


def _stack(compatible: bool | None) -> Settings:
    """Vulcan, whose migrations are said to be so; False is of a stack file that this program does not load."""
    settings = compose_stacks.stack("prod")
    job = settings.product.jobs["migrate"].model_copy(update={"backward_compatible": compatible})
    return settings.model_copy(update={"product": settings.product.model_copy(update={"jobs": {"migrate": job}})})


@pytest.mark.parametrize(
    ("compatible", "line"),
    [
        (True, "the release before runs on the database after the jobs, by the stack file's word: ok"),
        (None, "the release before runs on the database after the jobs; the stack file says nothing of migrate: ok"),
        (False, "to be split in two releases, by the stack file: jobs migrate"),
    ],
)
def test_what_the_stack_file_says_of_a_migration_gets_to_the_checklist(compatible: bool | None, line: str) -> None:
    """VU9."""
    settings = _stack(compatible)
    request = compose_host.release_request(settings, compose_stacks.variables(settings), owner="alice")
    shown = io.StringIO()

    async def confirm() -> None:
        checklist.confirm(checklist.before({"web-1": WELL}, request), Progress(shown, shown))

    with pytest.raises(FleetError, match=line) if compatible is False else contextlib.nullcontext():
        run(confirm())
    assert line in shown.getvalue()


def test_a_migration_that_is_not_compatible_is_refused_with_how_it_is_released() -> None:
    jobs = {"migrate": {"service": "backend", "command": "true", "when": "before-switch", "backward_compatible": False}}
    with pytest.raises(SettingsError) as refused:
        compose_stacks.stack("prod", {"jobs": jobs})
    assert [str(problem) for problem in refused.value.problems] == [
        "slipway:product.jobs.migrate.backward_compatible: is false, should be true: the old release serves until the "
        "new one answers; split the change in two releases, first what both can live with"
    ]


def test_before_a_release_all_is_well_where_it_is() -> None:
    checks = checklist.before({"web-1": WELL, "web-2": WELL, "web-3": Status(None)}, {})
    assert [check.problem for check in checks] == [""] * 4, "a host that serves nothing yet differs from none"


@pytest.mark.parametrize("name", [name for name, _ in checklist.STAGED])
def test_each_line_of_the_hosts_own_can_fail(name: str) -> None:
    good = dict.fromkeys((name for name, _ in checklist.STAGED), "ok")
    assert not any(check.problem for check in checklist.staged({"web-1": {"checks": good}}))
    bad = checklist.staged({"web-1": {"checks": good}, "web-2": {"checks": {**good, name: "it is not so"}}})
    assert [check.problem for check in bad if check.problem] == ["web-2: it is not so"]
    missing = {key: value for key, value in good.items() if key != name}
    silent = checklist.staged({"web-1": {"checks": missing}})
    assert [check.problem for check in silent if check.problem] == ["web-1: the host did not look"]


def test_a_registry_that_was_not_asked_is_not_said_to_take_the_login() -> None:
    good = dict.fromkeys((name for name, _ in checklist.STAGED), "ok")
    checks = checklist.staged({"web-1": {"checks": good}, "web-2": {"checks": {**good, "login": checklist.UNASKED}}})
    assert not any(check.problem for check in checks)
    assert "not asked, every image was there already: web-2" in checks[1].what


def test_what_does_not_hold_ends_the_release_with_all_of_it() -> None:
    async def confirm() -> str:
        shown = io.StringIO()
        checks = [checklist.Check("one"), checklist.Check("two", "is not"), checklist.Check("three", "neither")]
        with pytest.raises(FleetError, match="two: is not; three: neither"):
            checklist.confirm(checks, Progress(shown, shown))
        checklist.confirm(checks[:1], Progress(shown, shown))
        return shown.getvalue()

    assert run(confirm()).splitlines()[:2] == ["check: one: ok", "check: two: is not"]


def test_dumps_are_named_with_their_size() -> None:
    assert "database (12.5 MiB)" in checklist.dumped({"dumps": [{"name": "database", "mib": 12.5}]}).what
    assert "no database to dump" in checklist.dumped({}).what


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (Traffic(1000, 0.001, 0.21), ""),
        (Traffic(1000, 0.03, 0.2), "3.0% of the requests fail, 0.0% before"),
        (Traffic(1000, 0.0, 1.5), "95 % of the requests take up to 1.50 s, 0.20 s before"),
        (Traffic(1000, 0.0, 1.3), ""),
        (Traffic(99, 1.0, 9.0), ""),
        (None, ""),
    ],
)
def test_visitors_are_worse_off_by_errors_or_by_time(now: Traffic | None, word: str) -> None:
    assert checklist.worse(Traffic(1000, 0.0, 0.2), now) == word


def test_a_quiet_hour_before_is_no_measure() -> None:
    assert checklist.worse(Traffic(0, 0.0, 0.0), Traffic(1000, 0.5, 9.0)) == ""
    assert checklist.worse(None, Traffic(1000, 0.5, 9.0)) == ""
