"""The machine of an operator who moves a product: a shell with the project's commands, an SSH key and the Pulumi CLI.

What is typed are the lines that `make plan FROM=…` prints. Two programs stand before the machine's own: `pulumi`, which
finds each stack in its rehearsal, leaves `up` to it (its program is in this process) and says yes where a person is
asked whether something may go; and `ssh`, which has the key and the known hosts that an operator has in a home of its
own.
"""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.workspace import ROOT
from settings.problems import SettingsError

_END = "the command has ended with"
_PULUMI = """#!{python}
import json, os, socket, sys
place = json.load(open({places!r}))
words = sys.argv[1:]
given = [after for word, after in zip(words, words[1:]) if word in ("-s", "--stack")]
stack = given[-1] if given else next(word for word in reversed(words) if word in place)
if words[0] != "up":
    if words[0] in ("destroy", "state") or words[:2] == ["stack", "rm"]:
        words.append("--yes")
    os.chdir(place[stack]["directory"])
    os.environ.update(place[stack]["environment"])
    os.execv(place[stack]["engine"], ["pulumi", *words])
asked = socket.socket(socket.AF_UNIX)
asked.connect({socket!r})
asked.sendall(f"{{stack}}\\n".encode())
code, _, said = asked.makefile().read().partition("\\n")
print(said, file=sys.stderr)
sys.exit(int(code))
"""
_SSH = """#!/bin/sh
exec /usr/bin/ssh -F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=15 \\
    -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile={home}/.ssh/known_hosts "$@"
"""


def new_key(directory: Path) -> str:
    """A key to log in with, made in this directory; its public half."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = directory / "operator"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


@dataclass(frozen=True)
class Ran:
    """What became of a line: its exit code, what it said, and the seconds that it took."""

    code: int
    said: str
    seconds: float


class Operator:
    """A shell that keeps its variables and functions from line to line. A context manager."""

    def __init__(self, home: Path, sides: Sequence[Rehearsal], authorities: str) -> None:
        """`home` has the key of `new_key`; `authorities`, in PEM, are those that this machine trusts."""
        self.home, self.sides = home, {side.stack: side for side in sides}
        # a socket's path has to be short
        self._place = tempfile.TemporaryDirectory(prefix="move-")
        self._socket = str(Path(self._place.name) / "up")
        (home / ".ssh").mkdir(exist_ok=True, mode=0o700)
        (home / "authorities.pem").write_text(authorities)
        programs = home / "programs"
        programs.mkdir(exist_ok=True)
        _program(home / "places.json", json.dumps(self._places()), 0o600)
        texts = {"python": sys.executable, "places": str(home / "places.json"), "socket": self._socket}
        _program(programs / "pulumi", _PULUMI.format(**texts))
        _program(programs / "ssh", _SSH.format(key=home / "operator", home=home))
        own = {"HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "NO_PROXY": "*", "no_proxy": "*"}
        environment = {**os.environ, **own, "CURL_CA_BUNDLE": str(home / "authorities.pem")}
        self._server = self._listening()
        self._shell = subprocess.Popen(
            ["bash"], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _places(self) -> Mapping[str, Any]:
        return {
            stack: {
                "directory": str(side.workspace.directory),
                "environment": side.workspace.environment(),
                "engine": str(side.workspace.engine_home / "bin" / "pulumi"),
            }
            for stack, side in self.sides.items()
        }

    def __enter__(self) -> Operator:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._shell:  # which closes its pipes
            self._shell.kill()
        self._server.shutdown()
        self._server.server_close()
        self._place.cleanup()

    def run(self, line: str) -> Ran:
        """Type a line and wait for its end."""
        assert self._shell.stdin  # noqa: S101 - it is a pipe
        assert self._shell.stdout  # noqa: S101
        begun = time.monotonic()
        self._shell.stdin.write(f'{{ {line}\n}} </dev/null; echo "{_END} $?"\n')
        self._shell.stdin.flush()
        said: list[str] = []
        for answer in self._shell.stdout:
            before, mark, code = answer.partition(_END)
            said.append(before)
            if mark:
                return Ran(int(code), "".join(said), time.monotonic() - begun)
        return Ran(255, "".join([*said, "the shell has ended"]), time.monotonic() - begun)

    def _listening(self) -> socketserver.UnixStreamServer:
        sides = self.sides

        class Up(socketserver.StreamRequestHandler):
            """`pulumi up` of one of the sides: its exit code in a line, then what it said."""

            def handle(self) -> None:
                stack = self.rfile.readline().decode().strip()
                try:
                    changes = sides[stack].up().changes
                    code, said = 0, ", ".join(f"{count} {word}" for word, count in sorted(changes.items()))
                except (RehearsalError, SettingsError) as error:
                    code, said = 255, str(error)
                self.wfile.write(f"{code}\n{said}".encode())

        return socketserver.UnixStreamServer(self._socket, Up)


def _program(path: Path, text: str, mode: int = 0o700) -> None:
    path.touch(mode)
    path.chmod(mode)
    path.write_text(text)
