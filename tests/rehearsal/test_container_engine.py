"""An engine of ours that was killed does not keep the next one from starting, and no other process is taken for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import container_engine


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "dockerd.pid"
    monkeypatch.setattr(container_engine, "_pid_file", lambda: file)
    return file


def test_no_file_and_no_number_are_no_engine(pid_file: Path) -> None:
    assert container_engine._running() is None
    pid_file.write_text("not a number")
    assert container_engine._running() is None


def test_another_process_with_its_number_is_not_it(pid_file: Path) -> None:
    pid_file.write_text(str(os.getpid()))
    assert container_engine._running() is None
    assert container_engine.stop_container_engine() is False


def test_one_that_was_killed_and_waits_to_be_reaped_is_not_it(pid_file: Path) -> None:
    sleep = ["-c", "import time; time.sleep(60)", f"--pidfile={pid_file}"]
    with subprocess.Popen([sys.executable, *sleep]) as process:
        pid_file.write_text(str(process.pid))
        while container_engine._running() is None and process.poll() is None:  # until it has become Python
            continue
        assert container_engine._running() == process.pid
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the process table
        assert container_engine._running() is None
