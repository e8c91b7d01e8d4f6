"""What a person or CI types: the Makefile's targets, the workflows, the shell scripts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
STACKS = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
EXPORTED = set(re.findall(r"^export (.+?) #", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())
"""What make hands on: `make test` does, to a make in its tests."""


def _make(
    *arguments: str, directory: Path = ROOT, own: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # the targets' environment is this one: the tests must not install it again while they run in it
    return subprocess.run(
        ["make", "--no-print-directory", "--old-file", "requirements.txt", *arguments],
        cwd=directory, capture_output=True, text=True, check=False, env={**_typed_environment(), **(own or {})},
    )  # fmt: skip


def _typed_environment() -> dict[str, str]:
    """As a person's shell has it: a make above this one would have it speak, and do, what belongs to that run."""
    of_make = EXPORTED | {name for name in os.environ if name.startswith(("MAKE", "MFLAGS"))}
    return {name: value for name, value in os.environ.items() if name not in of_make} | {"COLUMNS": "120"}


def _files(*which: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *which], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The project in another directory: a stack file with mistakes here would be one of other tests' stacks."""
    for name in _files("--cached", "--others", "--exclude-standard"):
        if (ROOT / name).is_file():  # it may be on its way out
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def _shell_scripts() -> list[str]:
    listed = _files()
    golden = "tests/golden/"  # what lands on a host is read by its own tests
    return [name for name in listed if (name.endswith(".sh") or name == ".ci/run") and not name.startswith(golden)]


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(ROOT / ".cache" / "bin"))
    assert found, f"{name} is missing: make tools"
    return found


def test_make_alone_lists_the_targets() -> None:
    listed = _make().stdout
    for target in ("plan", "rehearse", "rehearse-down", "release", "rollback", "read-only", "test", "bench"):
        assert re.search(rf"^{target} ", listed, re.MULTILINE), target


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_has_a_plan_in_three_formats(stack: str) -> None:
    text, markdown, machine = (
        _make("plan", f"STACK={stack}", f"FORMAT={form}") for form in ("text", "markdown", "json")
    )
    for printed in (text, markdown, machine):
        assert printed.returncode == 0, printed.stderr
    assert "USD a month" in text.stdout
    assert "```mermaid" in markdown.stdout
    assert json.loads(machine.stdout)


def test_a_rehearsal_is_of_a_stack_or_of_the_way_from_another_one() -> None:
    """DV10; what FROM is elsewhere, a shell may have for itself."""
    moved = _make("-n", "rehearse", "STACK=devora-fleet", "FROM=devora-vps").stdout
    assert 'rehearsal move --from "$FROM" --stack "$STACK"' in moved
    assert 'rehearsal up --checks "$CHECKS"' in _make("-n", "rehearse", "STACK=devora-fleet").stdout


def test_a_stack_file_that_does_not_exist_is_one_line() -> None:
    done = _make("plan", "STACK=nowhere")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "there is no such stack file" in done.stderr
    assert "familyflow" in done.stderr


@pytest.mark.parametrize(
    ("target", "given", "said"),
    [
        ("plan", "FORMAT=xml", "FORMAT is 'xml', should be text, markdown or json"),
        ("compose", "ENVIRONMENT=prod", "ENVIRONMENT is 'prod', should be development or production"),
        ("rehearse", "REQUESTS=many", "REQUESTS is 'many', should be a whole number, 1 or more"),
    ],
)
def test_a_value_that_can_not_be_is_one_line_with_the_name_that_was_typed(target: str, given: str, said: str) -> None:
    done = _make(target, "STACK=devora-vps", given)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if not line.startswith("make: ***")] == [said]


def test_mistakes_are_told_at_once_without_a_traceback(elsewhere: Path) -> None:
    """Bad input: one line for each mistake, exit 1, before anything is made."""
    source = (ROOT / "Pulumi.familyflow.yaml").read_text()
    broken = source.replace("port: 8000", "port: 80").replace("region: nyc3", "region: nyc9").replace("/32]", "/3x]")
    (elsewhere / "Pulumi.broken.yaml").write_text(broken)
    begun = time.monotonic()
    done = _make("plan", "STACK=broken", directory=elsewhere)
    seconds = time.monotonic() - begun
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("slipway:")]
    assert {line.partition(": ")[0] for line in lines} == {
        "slipway:access.admin_cidrs[0]", "slipway:architecture.region", "slipway:product.services.api.port",
    }  # fmt: skip
    assert "Traceback" not in done.stderr
    assert seconds < 30, "hangs"


def test_the_workflows_are_what_github_understands() -> None:
    """FF12."""
    files = [str(file) for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    assert len(files) >= 3
    done = subprocess.run([_program("actionlint"), "-no-color", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_release_is_never_cancelled_half_way() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "cancel-in-progress: false" in text


def _steps(workflow: str) -> list[dict[str, Any]]:
    read = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())
    return [step for job in read["jobs"].values() for step in job["steps"]]


def test_what_runs_is_kept_in_the_stack_file_wherever_a_release_was_begun() -> None:
    """Also where the update failed after it: the next `pulumi up` from git would roll it back."""
    steps = _steps("release.yml")
    names = [step.get("name") for step in steps]
    assert names.index("Keep what runs in the stack file") == names.index("Release") + 1
    released, kept = (step for step in steps if step.get("name") in ("Release", "Keep what runs in the stack file"))
    assert released["id"] == "release"
    assert kept["if"] == "${{ !cancelled() && steps.release.outcome != 'skipped' }}"


def test_a_pull_request_sees_what_changes_against_its_base() -> None:
    [step] = [step for step in _steps("preview.yml") if step.get("name") == "Plan the stacks"]
    assert 'git worktree add --quiet --detach ../base "$BASE"' in step["run"]
    assert "-m plan.touched" in step["run"]
    assert '--stack "$stack" --base ../base' in step["run"]
    assert '--base "$BASE"' in _make("-n", "plan", "STACK=prod", "BASE=../base").stdout
    assert "--base" not in _make("-n", "plan", "STACK=prod").stdout


def test_an_action_is_a_commit_and_gets_no_more_than_it_needs() -> None:
    """A tag can be moved to other code, beside a production's credentials."""
    for file in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        for line in file.read_text().splitlines():
            if re.match(r"\s*(- )?uses:", line):
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), f"{file.name}: {line}"
        assert yaml.safe_load(file.read_text())["permissions"] == {}, "each job says its own"
        for step in _steps(file.name):
            if "/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, file.name


def test_no_workflow_pastes_a_value_into_a_command() -> None:
    """By the environment it stays a value, whatever is in it."""
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    commands = [step["run"] for file in files for step in _steps(file.name) if "run" in step]
    assert len(commands) > 5
    assert [command for command in commands if "${{" in command] == []


COMMIT, DIGEST = "3f2c9d0e" * 5, "sha256:" + "0a" * 32


def _looked_at(**inputs: str) -> subprocess.CompletedProcess[str]:
    """What the workflow `release` says to these inputs before it does anything."""
    step = next(step for step in _steps("release.yml") if step["name"] == "Look at what is to be released")
    given = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda said: inputs.get(said[1], ""), value)
             for name, value in step["env"].items()}  # fmt: skip
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env={"PATH": os.environ["PATH"], **given}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "inputs",
    [
        {"commit": COMMIT},
        {"version": "1.9.0"},
        {"images": "backend=1.9.0"},
        {"images": f"backend=1.9.0-rc_1 front-end={DIGEST} web=ghcr.io/example/vulcan/web@{DIGEST}"},
    ],
)
def test_the_release_workflow_takes_what_make_release_takes(inputs: dict[str, str]) -> None:
    looked = _looked_at(**inputs)
    assert looked.returncode == 0, looked.stdout + looked.stderr


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, "say one of commit, images and version"),
        ({"commit": COMMIT, "images": "backend=1.9.0"}, "say one of commit, images and version"),
        ({"commit": "main"}, "commit should be 40 hexadecimal digits"),
        ({"commit": f"{COMMIT}\n"}, "commit should be 40 hexadecimal digits"),
        ({"version": "$(id)"}, "version should be a tag such as 1.9.0"),
        ({"version": "-1"}, "version should be a tag such as 1.9.0"),
        ({"images": "backend"}, "images should be like backend=1.9.0"),
        ({"images": "backend=1.9.0; id"}, "images should be like backend=1.9.0"),
        ({"images": "backend=$(shell id)"}, "images should be like backend=1.9.0"),
        ({"images": "backend=sha256:12"}, "images should be like backend=1.9.0"),
    ],
)
def test_the_release_workflow_refuses_anything_else_in_one_line(inputs: dict[str, str], told: str) -> None:
    looked = _looked_at(**inputs)
    assert looked.returncode == 1
    assert looked.stdout.startswith(f"::error::{told}")
    assert (len(looked.stdout.splitlines()), looked.stderr) == (1, "")


def test_shell_scripts_are_clean() -> None:
    scripts = _shell_scripts()
    assert scripts
    done = subprocess.run([_program("shellcheck"), *scripts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_ci_runs_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^make test\b", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("target", ["release", "rollback", "recover", "read-only"])
@pytest.mark.parametrize(
    ("given", "said"),
    [([], "STACK is missing"), (["STACK="], "STACK is missing"), (["STACK=nowhere"], "Pulumi.nowhere.yaml: there is")],
    ids=["none", "empty", "unknown"],
)
def test_what_acts_on_hosts_acts_on_a_stack_that_was_named(target: str, given: list[str], said: str) -> None:
    done = _make(target, *given, "ON=1", "VERSION=1.0")
    assert done.returncode != 0
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("make: ***"))
    assert line.startswith(said)
    assert all(stack in line for stack in STACKS)


def test_a_workflow_names_its_stack_in_the_environment() -> None:
    assert _make("rollback", own={"STACK": "nowhere"}).stderr.startswith(
        "Pulumi.nowhere.yaml: there is no such stack file"
    )


def test_what_is_released_or_taken_over_is_said_to_make_alone() -> None:
    """A shell or a runner may have variables of these names for itself."""
    own = dict.fromkeys(("COMMIT", "IMAGES", "VERSION", "TAKE_OVER", "FILES"), "nonsense")
    assert _make("release", "STACK=prod", own=own).stderr.startswith("what is to be released?")
    assert "TAKE_OVER" not in _make("recover", "STACK=nowhere", own=own).stderr
    assert "--files" not in _make("-n", "plan", own=own).stdout


def test_the_release_workflow_says_to_make_what_is_released() -> None:
    [step] = [step for step in _steps("release.yml") if step.get("name") == "Release"]
    assert step["run"].startswith('make release COMMIT="$COMMIT" IMAGES="$IMAGES" VERSION="$VERSION"')


@pytest.mark.parametrize("given", ["0", "no", "true"])
def test_only_1_takes_over(given: str) -> None:
    done = _make("recover", "STACK=prod", f"TAKE_OVER={given}")
    assert done.stderr.splitlines()[0] == f"TAKE_OVER is {given!r}, should be 1 or left out"


def test_files_are_shown_where_that_is_said() -> None:
    assert "--files" in _make("-n", "plan", "FILES=1").stdout
    for no in ("FILES=0", "FILES="):
        assert "--files" not in _make("-n", "plan", no).stdout
