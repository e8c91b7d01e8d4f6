"""A check says what it saw, and the report says it all."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path

import pytest

from rehearsal import report
from rehearsal.checks.catalogue import CHECKS, chosen
from rehearsal.checks.check import Check, Result, eventually
from rehearsal.checks.scene import LoadReport, Scene
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings() -> Settings:
    file = stackfile.read(ROOT / "Pulumi.familyflow.yaml")
    return parse(file.stack, file.values, file.secrets, require_secrets=False)


def _result(*holds: bool | None) -> Result:
    result = Result(1, "a check of <things>", seconds=1.5)
    for index, held in enumerate(holds):
        if held is None:
            result.cannot(f"line {index}")
        else:
            result.expect(f"line {index}", held, "saw <this>")
    return result


@pytest.mark.parametrize(
    ("holds", "passed"),
    [((True,), True), ((True, False), False), ((True, None), True), ((None,), False), ((), False)],
)
def test_a_check_that_looked_at_nothing_did_not_hold(holds: tuple[bool | None, ...], passed: bool) -> None:
    assert _result(*holds).passed is passed


def test_an_exception_is_an_expectation_that_did_not_hold() -> None:
    def look(scene: Scene, result: Result) -> None:
        raise OSError("no route")

    result = Check(1, "breaks", True, look).run(None)  # type: ignore[arg-type]
    assert not result.passed
    assert "no route" in result.lines[0].seen


def test_basic_checks_are_those_that_every_rehearsal_can_afford() -> None:
    assert [check.number for check in chosen("basic")] == [1, 1, 2, 3, 4, 7]
    assert {check.number for check in chosen("all")} == set(range(1, 10))
    assert chosen("all") == CHECKS["droplet-pm2"]


def test_each_kind_that_is_rehearsed_has_its_checks() -> None:
    for kind in ("droplet-pm2", "droplet-compose", "fleet-compose"):
        assert {1, 3, 4, 7} <= {check.number for check in chosen("basic", kind)}
        assert {5, 6} <= {check.number for check in chosen("all", kind)}


def test_a_failed_request_is_told_and_an_outage_is_set_apart() -> None:
    load = LoadReport(sent=30_000, failures=[(10.0, "reset"), (99.0, "refused")])
    inside, outside = Result(6, ""), Result(6, "")
    load.expect_no_failures(inside, "", outside=(5.0, 100.0))
    load.expect_no_failures(outside, "", outside=(50.0, 100.0))
    assert inside.passed
    assert not outside.passed
    assert "reset" in outside.lines[0].seen
    assert "refused" not in outside.lines[0].seen


def test_too_few_requests_prove_nothing() -> None:
    result = Result(6, "")
    LoadReport(sent=19_999).expect_no_failures(result, "")
    assert not result.passed


def test_percentiles_are_of_what_was_answered() -> None:
    assert LoadReport(latencies=[float(n) for n in range(1, 101)]).percentile(0.99) == 100.0
    assert LoadReport(latencies=[5.0, 1.0, 3.0]).percentile(0.5) == 3.0


def test_eventually_gives_up() -> None:
    def refused() -> bool:
        raise OSError

    assert eventually(lambda: True, 0)
    assert not eventually(refused, 0.05, every=0.01)


def test_the_table_shows_what_did_not_hold_and_what_can_not_be_shown() -> None:
    text = report.terminal([_result(True, False, None)], {"up": 60.0})
    assert "✗ line 1" in text
    assert "saw <this>" in text
    assert "– line 2" in text
    assert "up 60 s" in text


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_escapes_what_was_seen(tmp_path: Path, settings: Settings) -> None:
    page = tmp_path / "report.html"
    report.write_page(page, settings, [_result(True, False, None)], {"up": 60.0, "checks": 30.0})
    reader = _Page()
    reader.feed(page.read_text())
    assert reader.open == []
    assert "saw <this>" in reader.text
    assert "<this>" not in page.read_text()
    for name in (*settings.product.services, *settings.product.backing):
        assert name in reader.text, "the picture lacks it"


def test_the_json_says_whether_all_held() -> None:
    assert json.loads(report.as_json([_result(True)], {}))["passed"] is True
    assert json.loads(report.as_json([_result(True), _result(False)], {}))["passed"] is False
