"""An apply that is killed before any of its steps on the disk is finished by the next; nothing is ever half."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.host.apply import apply
from scripts.host.kept import MANIFEST
from tests.host_scripts.fake_host import FakeHost, a_manifest, file_entry

STEPS = ("open", "fchmod", "fchown", "fsync", "rename", "replace", "unlink", "mkdir")
"""What changes the disk. (os.open also reads; to be killed there is to be killed just before the next step.)"""

OLD, NEW = "old text\n", "new text, longer than the old one\n"
UNIT = "web.service"
PATHS = {"/etc/web.conf": 0o644, "/etc/web/site.conf": 0o640, "/srv/app/.env": 0o600}


def manifest(text: str) -> str:
    """Three files of one unit, one of them new, a path that has to go, a unit file."""
    entries = [file_entry(path, text, f"{mode:04o}", (f"reload {UNIT}",)) for path, mode in PATHS.items()]
    entries.append(file_entry("/etc/units/web.service", text, then=("daemon-reload", f"restart {UNIT}")))
    unit = {"name": UNIT, "enabled": True, "running": True}
    return json.dumps(a_manifest(files=entries, absent=["/etc/web/default"], units=[unit]))


class Machine:
    """A host whose unit reads its files when it is reloaded or restarted, and whose systemd when it is told to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read_log = root / "read.json"

    def host(self) -> FakeHost:
        return FakeHost(self.root, self._program)

    def _program(self, argv: list[str]) -> str | None:
        if argv[:2] == ["systemctl", "show"]:
            return "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\n"
        if argv == ["systemctl", "daemon-reload"]:
            self._note("systemd", ["/etc/units/web.service"])
        elif argv[:1] == ["systemctl"] and argv[-1] == UNIT:
            self._note(UNIT, list(PATHS))
        return None

    def _note(self, reader: str, paths: list[str]) -> None:
        noted = json.loads(self.read_log.read_text()) if self.read_log.exists() else {}
        noted[reader] = {path: self._text(path) for path in paths}
        self.read_log.write_text(json.dumps(noted))

    def _text(self, path: str) -> str | None:
        real = Path(f"{self.root}{path}")
        return real.read_text() if real.exists() else None

    def read(self) -> dict[str, Any]:
        """What each reader has read last."""
        found: dict[str, Any] = json.loads(self.read_log.read_text())
        return found

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path != self.read_log
        }


def prepared(root: Path) -> Machine:
    """A host that the old manifest has been applied to, and that has since got a file that has to go."""
    machine = Machine(root)
    machine.host().put("/etc/hostname", "sample-host\n")
    machine.host().put("/etc/hosts", "127.0.1.1 sample-host\n")
    apply(machine.host(), manifest(OLD), check=lambda _: None)
    machine.host().put("/etc/web/default", "theirs")
    return machine


def killed_before(step: int, action: Callable[[], None]) -> bool:
    """Run `action` in a process that dies at once before its n-th step on the disk. False if it got through."""
    child = os.fork()
    if child == 0:
        left = step

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                if left == 0:
                    os._exit(137)
                left -= 1
                return real(*arguments, **options)

            return wrapped

        code = 1
        try:
            for name in STEPS:
                setattr(os, name, dying(getattr(os, name)))
            action()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 137), f"the apply failed by itself (exit {code})"
    return code == 137


@pytest.fixture(scope="module")
def aim(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a host to which the new manifest was applied without an interruption."""
    machine = prepared(tmp_path_factory.mktemp("whole"))
    apply(machine.host(), manifest(NEW), check=lambda _: None)
    return machine.files()


def test_an_apply_killed_before_any_step_is_finished_by_the_next(
    tmp_path: Path, aim: dict[str, str], subtests: pytest.Subtests
) -> None:
    """ALL3 and the host's part of FF8: applying is safe to interrupt at any point."""
    step = 0
    while True:
        root = tmp_path / str(step)
        root.mkdir()
        machine = prepared(root)
        interrupted = killed_before(step, lambda m=machine: apply(m.host(), manifest(NEW), check=lambda _: None))  # type: ignore[misc]
        with subtests.test("killed", step=step):
            for path, mode in PATHS.items():
                assert machine.host().text(path) in (OLD, NEW)
                assert machine.host().mode(path) == mode
            apply(machine.host(), manifest(NEW), check=lambda _: None)
            assert machine.files() == aim
            assert machine.read()[UNIT] == dict.fromkeys(PATHS, NEW)
            assert machine.read()["systemd"] == {"/etc/units/web.service": NEW}
            again = machine.host()
            apply(again, manifest(NEW), check=lambda _: None)
            assert again.changes == 0
            assert [argv for argv in again.ran if argv[1] != "show"] == []
        if not interrupted:
            break
        step += 1
    assert step > 60, "the steps were not counted"


def test_killed_anywhere_the_kept_manifest_is_one_that_finishes_the_job(tmp_path: Path) -> None:
    """As soon as one new file has landed, `apply --again` brings the others too."""
    step = 0
    while True:
        root = tmp_path / str(step)
        root.mkdir()
        machine = prepared(root)
        interrupted = killed_before(step, lambda m=machine: apply(m.host(), manifest(NEW), check=lambda _: None))  # type: ignore[misc]
        landed = any(machine.host().text(path) == NEW for path in PATHS)
        kept = machine.host().text(MANIFEST)
        assert kept in (manifest(OLD), manifest(NEW))
        assert not landed or kept == manifest(NEW)
        if not interrupted:
            return
        step += 7
