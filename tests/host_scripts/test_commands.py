"""Commands of a release that are root's: what they write goes to the log, or as data to a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from scripts.host.commands import Commands
from scripts.host.progress import Progress
from scripts.host.run import HostError

WRITES = "import sys; sys.stdout.buffer.write(bytes(range(256))); print('a complaint', file=sys.stderr)"


@pytest.fixture
def commands() -> Commands:
    """Those of a release with the token 0123."""
    return Commands(None, Path("/root"), Progress(None, out=io.StringIO()), "0123")


def test_root_s_commands_have_a_clean_environment_and_the_release_s_mark(commands: Commands) -> None:
    base = commands.base()
    assert (base["USER"], base["HOME"], base["SLIPWAY_COORDINATOR"]) == ("root", "/root", "0123")
    assert commands.as_user(["docker", "ps"]) == ["docker", "ps"]


def test_data_goes_to_its_file_and_only_complaints_to_the_log(commands: Commands, tmp_path: Path) -> None:
    with (tmp_path / "data").open("wb") as target:
        commands.logged([sys.executable, "-c", WRITES], "dump", tmp_path, commands.base(), gentle=False, target=target)
    assert (tmp_path / "data").read_bytes() == bytes(range(256))
    assert list(commands.progress.tail) == ["$ dump", "a complaint"]


def test_a_command_that_writes_data_fails_like_any_other(commands: Commands, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import sys; sys.exit('no such database')"]
    with (tmp_path / "data").open("wb") as target, pytest.raises(HostError, match=r"^`dump` exited with 1$"):
        commands.logged(argv, "dump", tmp_path, commands.base(), gentle=False, target=target)
    assert commands.progress.tail[-1] == "no such database"


def test_a_file_is_what_a_command_reads(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"one\ntwo\n")
    argv = [sys.executable, "-c", "import sys; print(len(sys.stdin.buffer.read()))"]
    with (tmp_path / "dump").open("rb") as source:
        code, stdout, _ = commands.output(argv, tmp_path, commands.base(), source=source)
    assert (code, stdout) == (0, "8\n")
