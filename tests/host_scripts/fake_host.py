"""A host in a directory whose programs are a function: what the scripts write is real, what they run is not."""

from __future__ import annotations

import grp
import io
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.host.context import Host
from scripts.host.manifest import Directory, File
from scripts.host.run import HostError, Result

Programs = Callable[[list[str]], "str | int | None"]

ME = pwd.getpwuid(os.geteuid()).pw_name
MY_GROUP = grp.getgrgid(os.getegid()).gr_name


class FakeHost(Host):
    """Runs nothing: `programs` answers an argument list with its output, or an exit code, or None for "fine"."""

    def __init__(self, root: Path, programs: Programs = lambda argv: None) -> None:
        super().__init__(str(root), io.StringIO())
        self.programs = programs
        self.ran: list[list[str]] = []

    def run(self, argv: list[str], **options: Any) -> Result:
        self.ran.append(argv)
        answer = self.programs(argv)
        if isinstance(answer, int):
            if answer not in options.get("accept", (0,)):
                raise HostError(f"{' '.join(argv[:3])} failed (exit {answer}): it was told to")
            return Result(answer, "", "")
        return Result(0, answer or "", "")

    @property
    def said(self) -> list[str]:
        """The lines that were said."""
        assert isinstance(self.out, io.StringIO)
        return self.out.getvalue().splitlines()

    def put(self, path: str, content: str, mode: int = 0o644) -> Path:
        """Put a file there beforehand."""
        real = Path(self.at(path))
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(content)
        real.chmod(mode)
        return real

    def text(self, path: str) -> str:
        """What a file holds."""
        return Path(self.at(path)).read_text()

    def mode(self, path: str) -> int:
        """The mode of a file."""
        return Path(self.at(path)).stat().st_mode & 0o7777


def a_file(path: str, content: str, mode: int = 0o644, then: tuple[str, ...] = (), check: tuple[str, ...] = ()) -> File:
    """A file of the user that runs the tests."""
    return File(path, content, mode, ME, MY_GROUP, check, then)


def a_directory(path: str, mode: int = 0o755) -> Directory:
    """A directory of the user that runs the tests."""
    return Directory(path, mode, ME, MY_GROUP)


def a_manifest(**parts: Any) -> dict[str, Any]:
    """A manifest, as JSON would have it, that asks for nothing but `parts`."""
    nothing: dict[str, Any] = {"product": "sample", "hostname": "sample-host", "swap_mib": 0}
    nothing |= {key: [] for key in ("packages", "users", "directories", "files", "absent", "units")}
    nothing |= dict.fromkeys(("toolchain", "firewall", "certificate"))
    return nothing | parts


def file_entry(path: str, content: str, mode: str = "0644", then: tuple[str, ...] = ()) -> dict[str, Any]:
    """A file of the user that runs the tests, as a manifest has it."""
    entry = {"path": path, "content": content, "mode": mode, "owner": ME, "group": MY_GROUP}
    return entry | {"validate": [], "then": list(then)}
