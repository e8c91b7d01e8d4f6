"""The plan of FamilyFlow, as a person, a pull request and a machine get it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plan import machine, markdown, text
from plan.__main__ import main
from plan.build import Plan, make_plan
from plan.files import HostFile, Scripts
from plan.style import Style
from settings.problems import SettingsError

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "plan"
REGENERATE = bool(os.environ.get("UPDATE_GOLDEN"))
"""`UPDATE_GOLDEN=1 pytest tests/plan` writes the golden files anew."""


@pytest.fixture(scope="module")
def familyflow() -> Plan:
    return make_plan("familyflow")


def stack_file(folder: Path, *edits: tuple[str, str]) -> Path:
    """FamilyFlow's stack file in `folder`, with edits."""
    content = (ROOT / "Pulumi.familyflow.yaml").read_text()
    for old, new in edits:
        assert old in content
        content = content.replace(old, new, 1)
    path = folder / "Pulumi.familyflow.yaml"
    path.write_text(content)
    return path


FILES = (
    HostFile("familyflow", "/etc/nginx/nginx.conf", "0644", "root", "root", 24, "events {}\nhttp {\n}\n"),
    HostFile("familyflow", "/srv/familyflow/.env", "0600", "familyflow", "familyflow", 12, "DEBUG=False\n"),
)
"""In the place of the real ones, whose texts have golden files of their own."""
SIZE_AND_HASH = re.compile("\u2039[0-9]+ bytes, sha256 [0-9a-f]{16}\u203a")


@pytest.mark.parametrize("name", ["plan.txt", "plan.md", "plan.json", "files.txt", "files.md"])
def test_the_plan_looks_as_it_did(name: str, familyflow: Plan) -> None:
    plan = dataclasses.replace(familyflow, files=FILES, scripts=Scripts(36, 40960))
    show_files = name.startswith("files")
    made = {
        ".txt": lambda: text.render(plan, Style(False), show_files=show_files),
        ".md": lambda: markdown.render(plan, show_files=show_files),
        ".json": lambda: SIZE_AND_HASH.sub("\u2039size and hash\u203a", machine.render(plan)),
    }[Path(name).suffix]()
    golden = GOLDEN / name
    if REGENERATE:
        golden.write_text(made)
    assert made == golden.read_text(), f"differs from {golden.relative_to(ROOT)}; if it should, UPDATE_GOLDEN=1"


def test_colour_changes_nothing_but_the_colour(familyflow: Plan) -> None:
    painted = text.render(familyflow, Style(True))
    assert "\033[" in painted
    assert re.sub(r"\033\[[0-9;]*m", "", painted) == text.render(familyflow, Style(False))


def test_every_resource_and_its_protection_is_shown(familyflow: Plan) -> None:
    shown = text.render(familyflow, Style(False))
    for resource in familyflow.graph:
        assert resource.name in shown
    marked = [line for line in shown.splitlines() if line.startswith("■")]
    assert len(marked) == sum(resource.protect for resource in familyflow.graph)


def test_the_cost_of_a_month_is_the_sum_of_what_is_shown(familyflow: Plan) -> None:
    assert familyflow.cost.unpriced == ()
    assert familyflow.cost.monthly == pytest.approx(24.0 + 4.8 + 5.0 + 1.0)
    assert sum(familyflow.cost.of(resource.urn) for resource in familyflow.graph) == pytest.approx(34.8)


def test_each_file_that_lands_is_listed_with_mode_and_owner(familyflow: Plan) -> None:
    """FF7"""
    files = {file.path: file for file in familyflow.files}
    env = files["/srv/familyflow/.env"]
    assert (env.mode, env.owner) == ("0600", "familyflow")
    assert env.size == len(env.content.encode())
    assert "/etc/nginx/nginx.conf" in files
    assert familyflow.scripts.count > 0


def test_files_show_what_lands_with_placeholders_for_secrets(familyflow: Plan) -> None:
    """FF7 ALL3"""
    env = next(file.content for file in familyflow.files if file.path.endswith("/.env"))
    lines = {name: value.strip("\"'") for name, value in (line.split("=", 1) for line in env.splitlines())}
    assert lines["SECRET_KEY"] == "\u2039generated familyflow-secret-key\u203a"
    assert lines["SUPABASE_DB_URL"] == "\u2039SUPABASE_DB_URL\u203a"
    assert "\u2039generated familyflow-cache-password\u203a@127.0.0.1" in lines["REDIS_URL"]
    assert lines["DEBUG"] == "False"
    assert "%E2%80%B9" not in env


def test_the_secrets_still_to_be_set_have_a_command_each_that_holds_no_value(familyflow: Plan) -> None:
    missing = [secret for secret in familyflow.secrets if not secret.is_set]
    assert {secret.name for secret in missing} == {name for _, name in familyflow.settings.product.secret_references()}
    for secret in missing:
        assert secret.command == f"pulumi config set --secret slipway:{secret.name} -s familyflow"
        assert secret.command in text.render(familyflow, Style(False))
        assert secret.command in markdown.render(familyflow)


def test_a_secret_that_is_set_is_asked_for_no_more_and_never_decrypted(tmp_path: Path) -> None:
    stack_file(tmp_path, ("config:\n", "config:\n  slipway:SENTRY_DSN: {secure: v1:ciphertext:ciphertext}\n"))
    plan = make_plan("familyflow", tmp_path)
    assert {secret.name for secret in plan.secrets if secret.is_set} == {"SENTRY_DSN"}
    assert "slipway:SENTRY_DSN" not in text.render(plan, Style(False))
    for shown in (text.render(plan, Style(False), show_files=True), machine.render(plan, show_files=True)):
        assert "ciphertext" not in shown


def test_no_secret_input_is_in_the_json(familyflow: Plan) -> None:
    """ALL3"""
    resources = {resource["name"]: resource for resource in machine.document(familyflow)["resources"]}
    assert resources["familyflow-host-apply"]["inputs"]["stdin"] == "[secret]"
    assert resources["familyflow-droplet"]["inputs"]["userData"] == "[secret]"
    assert "PRIVATE KEY" not in json.dumps(resources)


def test_the_program_obeys_its_own_rules(familyflow: Plan) -> None:
    """ALL4"""
    assert familyflow.findings == ()


def test_a_finding_that_is_an_error_is_shown_in_each_format_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack_file(tmp_path, ("config:\n", "config:\n  slipway:budget: {monthly: 30}\n"))
    monkeypatch.setattr("plan.build.make_plan", lambda stack: make_plan(stack, tmp_path))
    what = "a month costs 34.80 USD, 4.80 over 30.00"
    for form in ("text", "markdown", "json"):
        assert main(["--stack", "familyflow", "--format", form]) == 2
        assert what in capsys.readouterr().out


def test_a_warning_alone_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack_file(tmp_path, ("size: s-2vcpu-4gb}", "size: s-2vcpu-4gb, backups: 'off'}"))
    monkeypatch.setattr("plan.build.make_plan", lambda stack: make_plan(stack, tmp_path))
    assert main(["--stack", "familyflow"]) == 0
    assert "familyflow-droplet: has no backups" in capsys.readouterr().out


def test_each_mistake_in_a_stack_file_is_one_line_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack_file(tmp_path, ("region: nyc3", "region: mars1"), ("health: /api/health/", "helth: /api/health/"))
    monkeypatch.setattr("plan.build.make_plan", lambda stack: make_plan(stack, tmp_path))
    assert main(["--stack", "familyflow"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert all(line.startswith("slipway:") for line in lines)
    assert any("mars1" in line for line in lines)
    assert any("helth" in line for line in lines)


def test_an_unknown_stack_is_one_line_that_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "nowhere"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_needs_no_engine_no_account_and_no_network(tmp_path: Path) -> None:
    """Run with an empty PATH and home, as a process of its own."""
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "plan", "--stack", "familyflow", "--format", "json"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["stack"] == "familyflow"


@pytest.mark.parametrize("stack", ["x" * 300, "../x", "a/b", "", "Prod_1", "a\nb", "a\0b"])
def test_what_can_be_no_stacks_name_is_one_line_before_a_file_is_opened(
    stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stack", stack]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("stack: ")
    assert "should be lower-case letters, digits and dashes, starting with a letter, at most 32" in lines[0]


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("name: familyflow", "name: &a [*a]", "slipway:product.name: is a list, should be a name"),
        ("email: [ops@example.com]", "email: &x {email: *x}", "slipway:alerts.email: is a mapping, should be a list"),
    ],
)
def test_an_alias_of_itself_is_one_line(tmp_path: Path, good: str, bad: str, expected: str) -> None:
    stack_file(tmp_path, (good, bad))
    with pytest.raises(SettingsError) as caught:
        make_plan("familyflow", tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith(expected)


def test_a_whole_block_that_is_its_own_alias_is_one_line(tmp_path: Path) -> None:
    file = stack_file(tmp_path)
    head, _, _ = file.read_text().partition("  slipway:alerts:")
    file.write_text(f"{head}  slipway:alerts: &x {{email: *x}}\n")
    with pytest.raises(SettingsError, match=r"^slipway:alerts.email: is a mapping, should be a list[^\n]*$"):
        make_plan("familyflow", tmp_path)


@pytest.mark.parametrize(
    ("misuse", "said"),
    [
        ([], "the following arguments are required: --stack"),
        (["--stack", "familyflow", "--format", "xml"], "FORMAT is 'xml', should be text, markdown or json"),
    ],
)
def test_misuse_of_the_command_is_bad_input_and_no_finding(
    misuse: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(misuse)
    assert (ended.value.code, capsys.readouterr().err) == (1, f"{said}\n")


@pytest.mark.parametrize("extra", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_a_terminal_that_knows_few_characters_gets_the_plan_too(extra: dict[str, str]) -> None:
    command = [sys.executable, "-m", "plan", "--stack", "familyflow"]
    ran = subprocess.run(command, env={**os.environ, **extra}, cwd=ROOT, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"familyflow-droplet" in ran.stdout


def test_who_reads_only_the_first_line_gets_no_traceback() -> None:
    command = [sys.executable, "-m", "plan", "--stack", "familyflow", "--files"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as plan:
        assert plan.stdout is not None
        assert plan.stderr is not None
        plan.stdout.close()
        assert plan.stderr.read() == b""
        assert plan.wait() == 0
