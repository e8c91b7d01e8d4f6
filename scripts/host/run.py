"""One way to start a program, and one error that says what went wrong in a line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from .surroundings import surroundings

TAIL = 15
"""Lines of a failed program's output that are shown."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostError(Exception):
    """Why a host could not be brought to what was asked: one line, and the last lines of what was run (may be none)."""

    def __init__(self, reason: str, tail: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tail = tuple(tail)[-TAIL:]


class Result:
    """What a program wrote and the code it left with."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    def lines(self) -> list[str]:
        """Everything written, standard error last, without empty lines."""
        return [line for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()]


def run(
    argv: Sequence[str],
    *,
    text: str = "",
    timeout: float = 900,
    environment: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
) -> Result:
    """Run `argv` with `text` on its standard input and wait at most `timeout` seconds.

    Output is captured, messages are English. HostError if it is not there, takes too long, or leaves with a code that
    is not in `accept`. A program that takes too long is ended with everything it started, so nothing goes on unseen.
    """
    ours = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")}
    variables = {**surroundings(), **ours, **(environment or {})}
    what = " ".join(argv[:3])
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(f"{argv[0]}: {error.strerror}") from None
    try:
        stdout, stderr = process.communicate(text, timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise HostError(f"{what}: not done after {timeout:.0f} seconds") from None
    except BaseException:
        _end(process)
        raise
    result = Result(process.returncode, stdout, stderr)
    if result.code not in accept:
        raise HostError(f"{what} failed (exit {result.code}): {_reason(result)}", result.lines())
    return result


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # what it did not read is of no use any more
                stream.close()


def _reason(result: Result) -> str:
    """The line that most likely says why: the last of standard error, else of standard output."""
    for output in (result.stderr, result.stdout):
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return "it wrote nothing"
