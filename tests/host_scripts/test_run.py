"""Programs are run in one way, and what is shown of a failure is short and holds no secret."""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path

import pytest

from scripts.host.context import Host
from scripts.host.run import TAIL, HostError, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_and_code_come_back_apart() -> None:
    done = run(python("import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)"), accept=(3,))
    assert (done.code, done.stdout, done.stderr) == (3, "a\n", "b\n")


def test_input_goes_to_standard_input() -> None:
    assert run(python("print(input()[::-1])"), text="abc\n").stdout == "cba\n"


def test_a_failure_is_one_line_and_the_last_lines() -> None:
    with pytest.raises(HostError) as caught:
        run(python(f"import sys; [print(n) for n in range({TAIL * 2})]; sys.exit('the reason')"))
    assert caught.value.reason.endswith("(exit 1): the reason")
    assert "\n" not in caught.value.reason
    assert len(caught.value.tail) == TAIL
    assert caught.value.tail[-1] == "the reason"


def test_a_program_that_is_not_there_is_one_line() -> None:
    with pytest.raises(HostError, match=r"^no-such-program: No such file or directory$"):
        run(["no-such-program"])


def test_a_program_that_takes_too_long_ends_with_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"""
import subprocess, time
child = subprocess.Popen(["sleep", "60"])
open({str(mark)!r}, "w").write(str(child.pid))
time.sleep(60)
"""
    with pytest.raises(HostError, match="not done after 2 seconds"):
        run(python(code), timeout=2)
    child = int(mark.read_text())
    until = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < until, "what it started is still running"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_programs_get_no_variable_that_they_were_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", secrets.token_urlsafe(8))
    names = run(["env"], environment={"A": "1"}).stdout
    assert "SECRET_KEY" not in names
    assert "A=1" in names


def test_words_of_private_files_are_masked_in_what_a_program_writes(tmp_path: Path) -> None:
    """FF7."""
    secret, host = secrets.token_urlsafe(24), Host(str(tmp_path))
    host.keep_private([f'KEY="{secret}"\nHOST=app.example.com\n'], ["server_name app.example.com;"])
    with pytest.raises(HostError) as caught:
        host.run(python(f"import sys; print('x={secret};'); sys.exit('bad value {secret}! for app.example.com')"))
    everything = "\n".join([caught.value.reason, *caught.value.tail])
    assert secret not in everything
    assert "bad value ***! for app.example.com" in everything


def test_one_apply_at_a_time(tmp_path: Path) -> None:
    first, second = Host(str(tmp_path)), Host(str(tmp_path))
    with first.lock(), pytest.raises(HostError, match="another apply has been running"), second.lock(wait=0):
        pass
    with second.lock(wait=0):
        assert os.path.exists(tmp_path / "var/lib/slipway/apply.lock")  # noqa: PTH110
