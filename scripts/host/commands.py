"""Commands of a release: run as the product's user or as root, in a clean environment, output into the log."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from .lock import TOKEN_VARIABLE
from .progress import Progress
from .run import HostError
from .surroundings import surroundings

PATH = "/usr/local/bin:/usr/bin:/bin"
UMASK = 0o027
GENTLE = ("nice", "-n", "10", "choom", "-n", "500", "--")
"""A build gives way to the release that serves, and is the first to go when memory ends."""


class Commands:
    """Starts programs as `user`, whose home is `home`; None is root. `token` marks them as this release's."""

    def __init__(self, user: str | None, home: Path, progress: Progress, token: str = "") -> None:
        self.user = user
        self.home = home
        self.progress = progress
        self.token = token

    def base(self) -> dict[str, str]:
        """What every command has in its environment: what the machine sets for every program, and nothing of root's."""
        return {
            **surroundings(),
            "HOME": str(self.home),
            "USER": self.user or "root",
            "LOGNAME": self.user or "root",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "PATH": PATH,
            TOKEN_VARIABLE: self.token,
        }

    def as_user(self, argv: Sequence[str], gentle: bool = False) -> list[str]:
        """`argv` without root's rights, for good: no program it starts can win any. As it is, if it is to be root's."""
        pace = GENTLE if gentle else ()
        if self.user is None:
            return [*pace, *argv]
        who = ["--reuid", self.user, "--regid", self.user, "--init-groups"]
        limits = ["--no-new-privs", "--inh-caps=-all", "--"]
        return ["setpriv", *who, *limits, *pace, *argv]

    def logged(
        self,
        argv: Sequence[str],
        what: str,
        cwd: Path,
        environment: Mapping[str, str],
        timeout: float = 900,
        gentle: bool = True,
        target: IO[bytes] | None = None,
    ) -> None:
        """Run `argv` with its output in the log, at most `timeout` seconds; HostError names `what` if it fails.

        With a `target` standard output goes there, and only standard error to the log.
        """
        self.progress.log(f"$ {what}")
        if target is None:
            process = self._start(self.as_user(argv, gentle), cwd, environment)
        else:
            process = self._start(self.as_user(argv, gentle), cwd, environment, target, subprocess.PIPE)
        told = process.stdout if target is None else process.stderr
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(timeout, end)
        timer.start()
        try:
            for line in told or ():
                self.progress.log(line)
            code = process.wait()
        finally:
            timer.cancel()
            _kill(process)  # what it left in the background, and all of it if we were interrupted
            process.wait()
            if told is not None:
                told.close()
        if late.is_set():
            raise HostError(f"`{what}` was not done after {timeout:.0f} seconds")
        if code:
            raise HostError(f"`{what}` {_exit(code)}")

    def output(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        timeout: float = 60,
        source: IO[bytes] | None = None,
    ) -> tuple[int, str, str]:
        """Run `argv`, with `source` as its input, and return its exit code, standard output and standard error."""
        process = self._start(self.as_user(argv), cwd, environment, stderr=subprocess.PIPE, source=source)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise HostError(f"`{' '.join(argv[:2])}` was not done after {timeout:.0f} seconds") from None
        finally:
            if process.poll() is None:
                _kill(process)
                process.wait()
        return process.returncode, stdout, stderr

    def _start(
        self,
        argv: list[str],
        cwd: Path,
        environment: Mapping[str, str],
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int = subprocess.STDOUT,
        source: IO[bytes] | None = None,
    ) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(environment),
                stdin=source or subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                errors="replace",
                umask=UMASK,
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"{argv[0]}: {error.strerror} ({error.filename})") from None


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _exit(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"exited with {code}" if code != 137 else "exited with 137 (killed: out of memory?)"
