"""How the project is laid out: which way imports point, how long files are, what a host's program may need."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_PROGRAM = 300, 40


def _tracked() -> list[Path]:
    """The files that git knows, which are there."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


TRACKED = _tracked()
PYTHON = [file for file in TRACKED if file.suffix == ".py"]
HOST = [file for file in PYTHON if file.is_relative_to(ROOT / "scripts" / "host")]


def _imports(file: Path) -> Iterator[str]:
    """The top-level packages that a file imports by their absolute names."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_imports_point_one_way() -> None:
    """settings <- hostfiles <- components <- architectures <- __main__; the contracts are in pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[run.stdout.find("Contracts") :] + run.stderr


def test_every_package_is_under_the_contracts() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} == set(config["root_packages"])


@pytest.mark.parametrize("file", HOST, ids=lambda file: file.name)
def test_what_runs_on_a_host_needs_nothing_but_python(file: Path) -> None:
    assert set(_imports(file)) <= sys.stdlib_module_names


def test_only_one_module_of_the_settings_imports_pulumi() -> None:
    """A mistake in a stack file is answered without waiting for Pulumi, and editors and tests need none."""
    importing = [file.name for file in (ROOT / "settings").glob("*.py") if "pulumi" in set(_imports(file))]
    assert importing == ["load.py"]


def test_the_settings_are_read_without_pulumi() -> None:
    code = "import sys, settings.stackfile, settings.schema; print([name for name in sys.modules if 'pulumi' in name])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "[]\n"


@pytest.mark.parametrize("file", PYTHON, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_no_longer_than_can_be_read_at_once(file: Path) -> None:
    most = LONGEST_PROGRAM if file == ROOT / "__main__.py" else LONGEST_FILE
    assert len(file.read_text().splitlines()) <= most


def test_no_file_names_a_place_on_the_machine_it_was_written_on() -> None:
    here = "|".join(re.escape(str(place)) for place in (ROOT, Path(sys.prefix)))
    places = re.compile(rf"(?<![\w.])/(?:work|workspaces)/[a-z]|/tmp/[a-z]/|{here}".encode())
    found = {
        f"{file.relative_to(ROOT)}: {match[0].decode()}"
        for file in TRACKED
        for match in places.finditer(file.read_bytes())
    }
    assert found == set()
