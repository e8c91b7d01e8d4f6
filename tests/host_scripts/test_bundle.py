"""What travels to a host: the same text for the same input, and a loader that installs it whole or not at all."""

from __future__ import annotations

import ast
import json
import secrets
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hostfiles import bundle

PROBE = "import os, sys\nprint(sys.argv[1:], sys.stdin.read(), os.path.dirname(os.path.abspath(__file__)))\n"


DYING = """
import os
left = [STEPS]
def dying(real):
    def wrapped(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            os._exit(137)
        return real(*arguments, **options)
    return wrapped
for name in ("replace", "symlink", "fsync", "makedirs"):
    setattr(os, name, dying(getattr(os, name)))
"""
"""Put before the loader: it dies before its n-th step on the disk."""


class Loader:
    """The loader with a directory of this machine in place of the host's root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "usr" / "local" / "sbin").mkdir(parents=True)
        code = shlex.split(bundle.loader_command("x"))[5]
        code = code.replace('"/usr/local', f'"{root}/usr/local').replace("/usr/bin/python3", sys.executable)
        self.code = code

    def run(self, content: dict[str, Any] | None, version: str = "one", *, kill_at: int | None = None) -> str:
        """Run it with a package that says what it was given."""
        scripts = {"__init__.py": "", "__main__.py": f"# {version}\n{PROBE}"}
        parts = {"version": version, "scripts": scripts, "wrapper": "#!/bin/sh\n", "input": content}
        code = self.code
        if kill_at is not None:
            code = DYING.replace("STEPS", str(kill_at)) + code
        argv = [sys.executable, "-IS", "-c", code, "apply", "--again"]
        done = subprocess.run(argv, input=json.dumps(parts), text=True, capture_output=True, check=False)
        assert done.returncode == 0 or kill_at is not None, done.stderr
        return done.stdout.strip()

    @property
    def link(self) -> Path:
        return self.root / "usr/local/lib/slipway/host"


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def test_the_same_input_gives_the_same_text() -> None:
    """ALL3: a second `up` has nothing to send."""
    assert bundle.bundle({"b": 1, "a": [2]}) == bundle.bundle({"a": [2], "b": 1})
    assert bundle.version() in bundle.bundle(None)


def test_the_command_holds_no_input_and_one_word_of_the_shell() -> None:
    """FF7: it is in the process list and in sudo's log."""
    secret = secrets.token_urlsafe(24)
    assert secret in bundle.bundle({"password": secret})
    words = shlex.split(bundle.loader_command("apply"))
    assert words[:5] == ["sudo", "-n", "/usr/bin/python3", "-IS", "-c"]
    assert words[6:] == ["apply"]
    assert secret not in bundle.loader_command("apply")


def test_every_script_travels_and_the_loader_does_not() -> None:
    names = set(json.loads(bundle.bundle(None))["scripts"])
    assert {"__init__.py", "__main__.py", "apply.py", "run.py"} <= names
    assert "loader.py" not in names


@pytest.mark.parametrize("name", [*json.loads(bundle.bundle(None))["scripts"], "loader.py"])
def test_scripts_are_for_python_3_10_and_need_nothing_but_its_library(name: str) -> None:
    text = (Path(bundle.__file__).parents[1] / "scripts" / "host" / name).read_text()
    tree = ast.parse(text, feature_version=(3, 10))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert str(node.module).split(".")[0] in sys.stdlib_module_names


def test_the_command_gets_its_arguments_and_its_input(loader: Loader) -> None:
    said = loader.run({"hostname": "å"})
    assert said.startswith("['apply', '--again'] ")
    assert json.dumps({"hostname": "å"}) in said
    assert said.endswith("versions/one/host")


def test_a_command_without_input_finds_none(loader: Loader) -> None:
    assert "['apply', '--again']  /" in loader.run(None)


def test_another_version_takes_the_place_of_the_one_before_in_one_step(loader: Loader) -> None:
    loader.run(None, "one")
    loader.run(None, "two")
    assert str(loader.link.readlink()) == "versions/two/host"
    assert (loader.link.parent / "versions/one/host/__main__.py").exists()


def test_a_script_that_was_changed_on_the_host_is_brought_back(loader: Loader) -> None:
    loader.run(None)
    script = loader.link / "__main__.py"
    script.write_text("raise SystemExit(1)")
    script.chmod(0o666)
    loader.run(None)
    assert script.read_text().endswith(PROBE)
    assert script.stat().st_mode & 0o777 == 0o644


def test_killed_anywhere_the_host_has_one_whole_version(loader: Loader) -> None:
    """ALL3: the next run finishes."""
    loader.run(None, "old")
    for step in range(40):
        said = loader.run(None, f"new{step}", kill_at=step)
        version = loader.link.readlink().parts[1]
        texts = [(loader.link / name).read_text() for name in ("__init__.py", "__main__.py")]
        assert texts == ["", f"# {version}\n{PROBE}"]
        if said:
            assert step > 5
            break
        loader.run(None, "old")
    else:
        pytest.fail("it never got through")
