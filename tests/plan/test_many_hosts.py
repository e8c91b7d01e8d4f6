"""The plan of a fleet: as easy to read with fifty hosts as with two, complete for machines, and quick."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hostfiles import compose_host
from plan import machine, markdown, text
from plan.build import Plan, make_plan
from plan.files import HostFile, shared
from plan.findings import told_once
from plan.many import in_words
from plan.style import Style
from policies.rule import Finding
from tests.plan import stack_files

FIFTY = 50


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return stack_files.planned(tmp_path_factory.mktemp("fifty"), "prod", stack_files.hosts(FIFTY))


def test_fifty_hosts_take_no_more_room_than_a_few(fifty: Plan) -> None:
    for shown in (text.render(fifty, Style(False)), markdown.render(fifty)):
        assert len(shown.splitlines()) < 180
        assert max(map(len, shown.splitlines())) < 250
        assert "50 alike, to vulcan-prod-50" in shown
        assert "50 × droplet s-2vcpu-4gb, to vulcan-prod-50-droplet" in shown
        assert "33 on 50 hosts, vulcan-prod-1 to vulcan-prod-50 (the same)" in shown


def test_what_is_counted_is_all_there_is(fifty: Plan) -> None:
    shown = text.render(fifty, Style(False))
    custom = sum(resource.custom for resource in fifty.graph)
    assert f"Resources  {custom} in {len(fifty.graph) - custom} components" in shown
    assert "50 × 24.00 USD" in shown
    assert f"{fifty.cost.monthly:.2f}" in shown


def test_machines_are_told_of_each_host(fifty: Plan) -> None:
    document = machine.document(fifty)
    assert len(document["resources"]) == len(fifty.graph)
    kinds = Counter(resource["type"] for resource in document["resources"])
    assert kinds["digitalocean:index/droplet:Droplet"] == FIFTY
    assert len({file["host"] for file in document["files"]}) == FIFTY
    assert len([line for line in document["cost"]["lines"] if "droplet" in line["what"]]) == FIFTY


def test_an_output_of_many_lines_is_indented_and_cut(fifty: Plan) -> None:
    lines = text.render(fifty, Style(False)).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("  known_hosts"))
    column = lines[start].index("192.0.2.10")
    assert all(
        line[:column].isspace() and line[column:].startswith("192.0.2.") for line in lines[start + 1 : start + 4]
    )
    assert lines[start + 4].strip() == "and 46 more"


def test_a_fleet_of_fifty_is_planned_in_a_time_that_grows_as_the_fleet_does(tmp_path: Path) -> None:
    """Of the processor: others use it too. One plan more each way, so that what is loaded once does not count."""
    took: dict[int, float] = {}
    for number in (10, FIFTY):
        stack_files.write(tmp_path, "prod", stack_files.hosts(number))
        for _ in range(2):
            start = time.process_time()
            make_plan("prod", tmp_path)
            took[number] = min(took.get(number, 1e9), time.process_time() - start)
    assert took[FIFTY] < 2 * (FIFTY / 10) * took[10]
    assert took[FIFTY] < 15


def test_what_the_hosts_of_a_fleet_share_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    render = compose_host.manifest

    def counted(*given: Any, **more: Any) -> Any:
        rendered.append(given)
        return render(*given, **more)

    monkeypatch.setattr(compose_host, "manifest", counted)
    plan = stack_files.planned(tmp_path, "prod", stack_files.hosts(7))
    assert len(rendered) == 1
    assert [host.manifest and host.manifest["hostname"] for host in plan.graph.hosts] == [
        f"vulcan-prod-{number}" for number in range(1, 8)
    ]


def test_files_of_several_hosts_are_listed_once_and_those_of_one_under_its_name(tmp_path: Path) -> None:
    plan = stack_files.planned(tmp_path, "devora-fleet", stack_files.with_data_hosts)
    shown = text.render(plan, Style(False))
    section = shown[shown.index("\nFiles") : shown.index("\nSecrets")]
    assert re.search(r"Files  \d+ on 6 hosts;", section)
    assert section.count("/etc/issue\n") == 1
    assert section.count("/opt/devora/compose/data.yaml") == 3
    assert "  on devora-fleet-1, devora-fleet-2\n" in section
    assert "  on devora-fleet-data-2\n" in section
    contents = text.render(plan, Style(False), show_files=True)
    assert contents.count(":/etc/issue  ") == 1
    assert "── devora-fleet-1, devora-fleet-2:/etc/nginx/nginx.conf  " in contents


def file(host: str, path: str, content: str = "") -> HostFile:
    return HostFile(host, path, "0644", "root", "root", len(content), content)


def test_the_same_path_with_another_content_is_another_file() -> None:
    files = [file("a", "/x"), file("b", "/x"), file("a", "/y", "1"), file("b", "/y", "2")]
    assert [(hosts, [one.path for one in found]) for hosts, found in shared(files).items()] == [
        (("a", "b"), ["/x"]),
        (("a",), ["/y"]),
        (("b",), ["/y"]),
    ]


def test_files_of_the_most_hosts_stand_first() -> None:
    files = [file("a", "/own"), *(file(host, "/shared") for host in ("c", "b"))]
    assert list(shared(files)) == [("b", "c"), ("a",)]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["b", "a"], "a, b"),
        ([f"web-{number}" for number in (10, 2, 1, 3)], "web-1, web-2, web-3, web-10"),
        ([f"web-{number}" for number in range(1, 12)], "11 hosts, web-1 to web-11"),
        (["data-1", *(f"web-{number}" for number in range(1, 7))], "7 hosts, data-1, web-1 to web-6"),
    ],
    ids=["two", "by their number", "many", "of two kinds"],
)
def test_names_are_listed_as_a_person_would(names: list[str], words: str) -> None:
    assert in_words(names, "hosts") == words


def finding(subject: str, urn: str, what: str = "is wrong") -> Finding:
    return Finding("a-rule", "warning", subject, what, "right", urn)


def test_what_is_found_on_many_hosts_is_told_once() -> None:
    same = [finding("/a/file", f"urn::{number}") for number in range(3)]
    each = [finding(f"web-{number}", f"urn::{number}", "is bare") for number in range(1, 7)]
    few = [finding(f"data-{number}", f"urn::{number}", "is open") for number in range(2)]
    assert [one.subject for one in told_once([*same, *each, *few])] == [
        "/a/file (3 hosts)",
        "6, web-1 to web-6",
        "data-0",
        "data-1",
    ]
