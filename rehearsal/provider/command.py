"""The stand-in for pulumi-command 1.2.1: commands over real SSH, with its triggers, its logging and its errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, ClassVar

from rehearsal.provider.resource import Context, Failure, RefusedError, Resource
from rehearsal.provider.values import UNKNOWN, Properties

CONNECTION = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_LOOKS_EVERY = 0.05
"""Seconds between two looks at whether a local command has ended, or is to end."""
_LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")
_ACCEPT_ENV = (
    "Unable to set '{name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. "
    "Alternatively, if a Bash-like shell runs the command on the remote host, you could prefix the command itself with "
    "the variables in the form 'VAR=value command'"
)


def new_id(urn: str) -> str:
    return urn.split("::")[3] + secrets.token_hex(4)


def _quoted(text: str) -> str:
    """As Go's %q, for the usual characters."""
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{escaped}"'


def _nothing(line: str) -> None:
    """For a stream that isn't logged."""


class _Command(Resource):
    """What local and remote commands share: when which of the three commands runs.

    Its output is no secret, whatever its inputs were: the real provider leaves that to `additional_secret_outputs`
    (ensureDefaultSecrets in pulumi-go-provider/infer/resource.go). In a preview of an update it is not known.
    """

    optional: ClassVar[tuple[str, ...]] = (
        "create", "update", "delete", "triggers", "stdin", "logging", "environment", "addPreviousOutputInEnv",
    )  # fmt: skip
    computed: ClassVar[tuple[str, ...]] = ("stdout", "stderr")
    volatile: ClassVar[tuple[str, ...]] = ("stdout", "stderr")

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        logging = inputs.get("logging", "none")
        if logging is not UNKNOWN and logging not in _LOGGING:
            return [Failure("logging", f"{logging!r} is none of {', '.join(_LOGGING)}")]
        return []

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        return new_id(context.urn), self._run(context, inputs.get("create"), inputs, {})

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        command = inputs["update"] if "update" in inputs else inputs.get("create")
        return self._run(context, command, inputs, state)

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        self._run(context, state.get("delete"), state, state)

    def _run(self, context: Context, command: str | None, inputs: Properties, before: Properties) -> Properties:
        if command is None:
            return {key: before.get(key, "") for key in self.computed}
        previous = {}
        if inputs.get("addPreviousOutputInEnv", True):
            names = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}
            previous = {name: str(before[key]) for name, key in names.items() if before.get(key)}
        return self.execute(context, command, inputs, previous)

    def execute(self, context: Context, command: str, inputs: Properties, previous: Mapping[str, str]) -> Properties:
        raise NotImplementedError


def _said(context: Context, inputs: Properties) -> dict[str, Callable[[str], None]]:
    logging = inputs.get("logging", "stdoutAndStderr")
    return {name: context.log if logging in (name, "stdoutAndStderr") else _nothing for name in ("stdout", "stderr")}


class RemoteCommand(_Command):
    """`command:remote:Command`."""

    token = "command:remote:Command"  # noqa: S105
    required = ("connection",)
    defaults: ClassVar[Mapping[str, Any]] = {"connection": CONNECTION}
    secret_inputs = ("connection",)
    secret_outputs = ("connection",)

    def execute(self, context: Context, command: str, inputs: Properties, previous: Mapping[str, str]) -> Properties:
        return asyncio.run(self._execute(context, command, inputs, previous))

    async def _execute(
        self, context: Context, command: str, inputs: Properties, previous: Mapping[str, str]
    ) -> Properties:
        from rehearsal.provider import ssh  # asyncssh is slow to import: only where a connection is made

        wanted = {str(key): str(value) for key, value in (inputs.get("environment") or {}).items()}
        async with ssh.connected(context, inputs["connection"]) as link:
            if wanted:
                seen = await ssh.execute(link, "env", None, wanted, {"stdout": _nothing, "stderr": _nothing})
                for name, value in wanted.items():
                    if f"{name}={value.splitlines()[0] if value else ''}" not in seen.stdout.splitlines():
                        raise RefusedError(
                            f'could not set environment variable "{name}": {_ACCEPT_ENV.format(name=name)}'
                        )
            environment = {**wanted, **previous}
            result = await ssh.execute(link, command, inputs.get("stdin"), environment, _said(context, inputs))
        if result.problem:
            raise RefusedError(f"{result.problem}: running {_quoted(command)}:\n{result.both}")
        return {"stdout": result.stdout, "stderr": result.stderr}


class LocalCommand(_Command):
    """`command:local:Command`; assets and archives of its results are not collected."""

    token = "command:local:Command"  # noqa: S105
    optional = (*_Command.optional, "dir", "interpreter")

    def execute(self, context: Context, command: str, inputs: Properties, previous: Mapping[str, str]) -> Properties:
        given = {str(key): str(value) for key, value in (inputs.get("environment") or {}).items()}
        interpreter = [str(part) for part in inputs.get("interpreter") or ["/bin/sh", "-c"]]
        process = subprocess.Popen(
            [*interpreter, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=inputs.get("dir"),
            env={**os.environ, **given, **previous},
        )
        said = _said(context, inputs)
        with process, ThreadPoolExecutor(2) as pool:  # line by line: a release of many hosts takes minutes
            heard = {
                name: pool.submit(_heard, stream, said[name])
                for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            }
            _tell(process, inputs.get("stdin") or "")
            while process.poll() is None and context.stopped() is None:
                time.sleep(_LOOKS_EVERY)
            process.kill()  # as Go's exec.CommandContext: the process itself, and what it has begun is read to its end
            code = process.wait()
            stdout, stderr = (heard[name].result() for name in ("stdout", "stderr"))
        if code:
            how = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code)}".lower()
            raise RefusedError(f"{how}: running {_quoted(command)}:\n{stdout}{stderr}")
        return {"stdout": stdout.removesuffix("\n"), "stderr": stderr.removesuffix("\n")}


def _heard(stream: IO[str] | None, say: Callable[[str], None]) -> str:
    """All that comes, each line said as it comes."""
    lines = []
    for line in stream or ():
        say(line.removesuffix("\n"))
        lines.append(line)
    return "".join(lines)


def _tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe
    with contextlib.suppress(BrokenPipeError):  # it may end without reading
        process.stdin.write(text)
        process.stdin.close()
