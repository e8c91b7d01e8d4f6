"""What a change of a stack file or of the program does to a stack: its plan beside that of another checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plan import machine
from plan.__main__ import main
from plan.change import document_of, lines
from plan.program import ProgramError
from plan.touched import touched
from tests.plan.stack_files import ROOT, Change, planned


def told(folder: Path, stack: str, change: Change) -> list[str]:
    before, after = (
        machine.document(planned(folder, stack, how), show_files=True) for how in (lambda blocks: None, change)
    )
    return list(lines(before, after))


def test_nothing_changes_where_nothing_was_changed(tmp_path: Path) -> None:
    assert told(tmp_path, "staging", lambda blocks: None) == [
        "Nothing, as far as a plan shows: what is secret is not compared."
    ]


def test_a_renamed_database_is_the_first_thing_that_is_said(tmp_path: Path) -> None:
    def change(blocks: dict[str, Any]) -> None:
        product = blocks["product"]
        product["backing"] = {"db" if name == "database" else name: one for name, one in product["backing"].items()}
        for variables in (product, *product["services"].values()):
            for value in variables.get("environment", {}).values():
                if isinstance(value, dict) and value.get("from") == "database":
                    value["from"] = "db"

    first, *rest = told(tmp_path, "prod", change)
    assert first.startswith("- **delete** `vulcan-prod-database")
    assert first.endswith("It is protected: `pulumi up` refuses that")
    assert any(line.startswith("- create ") and "DatabaseCluster" in line for line in rest)


def test_a_host_less_goes_and_costs_less(tmp_path: Path) -> None:
    def change(blocks: dict[str, Any]) -> None:
        blocks["architecture"]["hosts"] = 1

    found = told(tmp_path, "prod", change)
    assert found[0] == "- **delete** `vulcan-prod-2-droplet` (Droplet)"
    assert "- **update** `vulcan-prod-web-balancer` (LoadBalancer): dropletIds" in found
    assert found[-1].endswith("USD a month")


def test_what_replaces_is_told_by_its_inputs_and_what_the_engine_passes_over_is_not(tmp_path: Path) -> None:
    def change(blocks: dict[str, Any]) -> None:
        blocks["architecture"] |= {"region": "fra1", "image": "debian-13-x64"}

    found = told(tmp_path, "devora-vps", change)
    assert (
        found[0] == "- **replace** `devora-vps-address` (ReservedIp): region. It is protected: `pulumi up` refuses that"
    )
    assert "- **replace** `devora-vps-droplet` (Droplet): region" in found
    assert not any("image" in line for line in found)


def test_files_of_hosts_and_the_release_are_told(tmp_path: Path) -> None:
    def change(blocks: dict[str, Any]) -> None:
        blocks["product"]["services"]["backend"]["memory"] = "300Mi"
        images = blocks["product"]["release"]["images"]
        images["backend"] = images["backend"].partition("@")[0] + f"@sha256:{'7' * 64}"

    found = told(tmp_path, "devora-vps", change)
    assert found == ["- file `/opt/devora/compose/docker-compose.prod.yml` on devora-vps", "- another release"]


def test_the_other_checkout_s_own_program_makes_its_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "devora-vps", "--base", str(ROOT)]) == 0
    assert capsys.readouterr().out.startswith(
        "#### What changes in `devora-vps`\n\nNothing, as far as a plan shows: what is secret is not compared.\n\n"
    )


def test_a_new_stack_and_a_directory_without_the_program_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="should be a directory with another checkout of this program"):
        document_of("prod", tmp_path)
    assert document_of("nowhere", ROOT) is None
    assert list(lines(None, {})) == ["The stack is new: everything is made."]


@pytest.mark.parametrize(
    ("files", "stacks"),
    [
        (["Pulumi.signupflow.yaml"], {"signupflow", "signupflow-staging"}),
        (["Pulumi.signupflow-staging.yaml", "docs/moving.md"], {"signupflow-staging"}),
        (["README.md", "CHANGELOG.md", "docs/adr/0001.md"], set()),
        (["Pulumi.gone.yaml"], set()),
        (["hostfiles/nginx.py"], {file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml")}),
    ],
)
def test_a_stack_file_is_also_that_of_the_stacks_that_are_like_it(files: list[str], stacks: set[str]) -> None:
    assert set(touched(files)) == stacks
