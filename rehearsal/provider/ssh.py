"""SSH as pulumi-command 1.2.1 does it: retries, host key check, errors (provider/pkg/provider/remote/connection.go).

The texts around an error are pulumi-command's; those of Go's own ssh and net packages are from memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh

from rehearsal.provider import workshop
from rehearsal.provider.resource import Context, RefusedError
from rehearsal.provider.values import Properties

# sdk/go/common/util/retry: 100 ms, half as much again each time, at most 5 s
_FIRST_DELAY, _GROWTH, _LONGEST = 0.1, 1.5, 5.0
_UNLIMITED = -1
_HOSTS_SEEN = "connections"


@dataclass(frozen=True)
class Result:
    """What a command wrote, each stream without its last newline, and how it ended."""

    stdout: str
    stderr: str
    both: str
    status: int | None
    signal: str | None

    @property
    def problem(self) -> str | None:
        """The error as Go's ssh package words it, or None for success."""
        if self.signal:
            return f"Process exited with signal {self.signal}"
        if self.status is None:
            return "wait: remote command exited without exit status or exit signal"
        return f"Process exited with status {self.status}" if self.status else None


@asynccontextmanager
async def connected(context: Context, connection: Properties) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection, through the proxy where one is named. Raises RefusedError when the dial limit is reached, and at
    once where the cloud is on paper: an address there is somebody else's."""
    if os.environ.get(workshop.CLOUD) == workshop.PAPER and not _is_here(str(connection["host"])):
        raise RefusedError(f"{connection['host']} is of a cloud on paper, where no host runs")
    async with AsyncExitStack() as opened:
        proxy = connection.get("proxy")
        tunnel = None
        if proxy:
            tunnel = await _dial(context, "Dial proxy", proxy, None)
            opened.push_async_callback(_close, tunnel)
        link = await _dial(context, "Dial", connection, tunnel)
        opened.push_async_callback(_close, link)
        yield link


def _is_here(host: str) -> bool:
    """Whether that is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _close(link: asyncssh.SSHClientConnection) -> None:
    link.close()
    await link.wait_closed()


async def _dial(
    context: Context, message: str, connection: Properties, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    limit, delay, attempt = int(connection.get("dialErrorLimit", 10)), _FIRST_DELAY, 0
    while True:
        try:
            link = await _dial_once(connection, tunnel)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            attempt += 1
            reason = _reason(error, connection)
            if limit > _UNLIMITED and attempt > limit:
                raise RefusedError(f"after {attempt - 1} failed attempts: {reason}") from None
            context.log(f"{message} {attempt}/{'inf' if limit == _UNLIMITED else limit} failed: retrying")
        else:
            context.store.count(_HOSTS_SEEN, str(connection["host"]))
            return link
        stopped = context.stopped()
        if stopped:
            raise RefusedError(stopped)
        await asyncio.sleep(delay)
        delay = min(delay * _GROWTH, _LONGEST)


def _reason(error: Exception, connection: Properties) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "ssh: handshake failed: ssh: host key mismatch"
    if isinstance(error, asyncssh.PermissionDenied):
        return "ssh: handshake failed: ssh: unable to authenticate, no supported methods remain"
    where = f"dial tcp {connection['host']}:{int(connection.get('port', 22))}"
    if isinstance(error, TimeoutError):
        return f"{where}: i/o timeout"
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: connect: connection refused"
    return f"{where}: {error}"


async def _dial_once(
    connection: Properties, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    options: dict[str, Any] = {
        "username": connection.get("user", "root"),
        "known_hosts": _known_hosts(connection),
        "client_keys": _client_keys(connection),
        "agent_path": connection.get("agentSocketPath"),
        "config": None,
        "tunnel": tunnel or (),
    }
    if connection.get("password"):
        options["password"] = connection["password"]
    timeout = float(connection.get("perDialTimeout", 15)) or None
    dialing = asyncssh.connect(str(connection["host"]), int(connection.get("port", 22)), **options)
    link = await asyncio.wait_for(dialing, timeout)
    _notice_a_dead_host(link)
    return link


def _notice_a_dead_host(link: asyncssh.SSHClientConnection) -> None:
    """Go's keep-alive (net.Dialer): after 15 s of silence nine probes, 15 s apart. The kernel's own takes hours."""
    socket_ = link.get_extra_info("socket")
    if socket_ is not None:  # a connection through a proxy has none of its own
        socket_.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 9)):
            socket_.setsockopt(socket.IPPROTO_TCP, option, value)


def _known_hosts(connection: Properties) -> Any:
    if not connection.get("hostKey"):
        return None  # as the real one: no host key, no check
    try:
        return [asyncssh.import_public_key(str(connection["hostKey"]))], [], []
    except asyncssh.KeyImportError as error:
        raise RefusedError(f"failed to parse host key: {error}") from None


def _client_keys(connection: Properties) -> Any:
    if not connection.get("privateKey"):
        return None
    try:
        return [asyncssh.import_private_key(str(connection["privateKey"]), connection.get("privateKeyPassword"))]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise RefusedError(f"ssh: cannot decode private key: {error}") from None


async def execute(
    link: asyncssh.SSHClientConnection,
    command: str,
    stdin: str | None,
    environment: Mapping[str, str],
    said: Mapping[str, Callable[[str], None]],
) -> Result:
    """Runs the command; every line of a stream goes to `said[stream]` as it comes. As with the real one, whoever
    interrupts the engine waits for it to end (session.Run in its remote/commandOutputs.go)."""
    streams: dict[str, list[str]] = {"stdout": [], "stderr": []}
    both: list[str] = []

    async def drain(name: str, reader: asyncssh.SSHReader[str]) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):  # the host is gone: what it said until then is all there is
            async for line in reader:
                streams[name].append(line)
                both.append(line)
                said[name](line.rstrip("\n"))

    process = await link.create_process(command, env=environment, encoding="utf-8", errors="replace")
    async with process:
        await asyncio.gather(
            _feed(process, stdin),
            drain("stdout", process.stdout),
            drain("stderr", process.stderr),
            process.wait_closed(),
        )
    signal = process.exit_signal
    return Result(
        stdout="".join(streams["stdout"]).removesuffix("\n"),
        stderr="".join(streams["stderr"]).removesuffix("\n"),
        both="".join(both),
        status=None if signal else process.exit_status,
        signal=signal[0] if signal else None,
    )


async def _feed(process: asyncssh.SSHClientProcess[str], stdin: str | None) -> None:
    try:
        if stdin:
            process.stdin.write(stdin)
            await process.stdin.drain()
        process.stdin.write_eof()
    except (asyncssh.Error, OSError):  # the command ended without reading it all
        return
