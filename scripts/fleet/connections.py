"""One SSH connection to each host, over which all of its verbs go: its key pinned, ours in memory alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import asyncssh

from scripts.fleet.order import Host
from scripts.fleet.protocol import FleetError, LostError, Said, VerbError, failure_of, is_answer

USER = "deploy"
COMMAND = "sudo -n /usr/local/sbin/slipway"
DIAL_SECONDS, CLOSE_SECONDS = 15.0, 2.0
ALIVE_SECONDS, ALIVE_MISSES = 5, 3
"""A host that has lost its power says nothing more: it is asked whether it is there, and given up after as many."""
SESSION_SECONDS = 20.0
TAIL = 20


class Connections:
    """The hosts of an order; see Fleet. `dialled` counts the connections that were made."""

    def __init__(self, hosts: Sequence[Host], private_key: str) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.dialled = 0
        self._key = _private(private_key)
        self._pinned = {host.name: _public(host) for host in hosts}
        self._links: dict[str, asyncssh.SSHClientConnection] = {}
        self._dialling = {host.name: asyncio.Lock() for host in hosts}

    async def __aenter__(self) -> Connections:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        links = list(self._links.values())
        for link in links:
            link.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(link.wait_closed() for link in links))

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        """See Fleet."""
        link = await self._link(host)
        try:
            return await _run(link, host, verb, message, said)
        except (asyncssh.Error, OSError) as error:
            raise self._lost(host, link, f"the connection was lost: {error}") from None
        except LostError as error:
            raise self._lost(host, link, error.reason) from None

    async def run(self, host: str, command: str) -> list[str]:
        """Run one of the host's own commands that takes no input; the lines it wrote. VerbError or LostError if not."""
        link = await self._link(host)
        try:
            done = await link.run(f"{COMMAND} {command}", encoding="utf-8", errors="replace", stdin=asyncssh.DEVNULL)
        except (asyncssh.Error, OSError) as error:
            raise self._lost(host, link, f"the connection was lost: {error}") from None
        if done.exit_status is None and done.exit_signal is None:
            raise self._lost(host, link, f"the connection was lost during {command}")
        written = [str(text or "").splitlines() for text in (done.stdout, done.stderr)]
        if done.exit_status != 0:
            raise VerbError(next(iter(written[1]), f"{command} failed"), host, tuple(written[1][1:]))
        return written[0]

    def _lost(self, host: str, link: asyncssh.SSHClientConnection, reason: str) -> LostError:
        link.abort()
        if self._links.get(host) is link:
            del self._links[host]
        return LostError(reason, host)

    async def _link(self, host: str) -> asyncssh.SSHClientConnection:
        async with self._dialling[host]:
            if host not in self._links:
                self._links[host] = await self._dial(self.hosts[host])
            return self._links[host]

    async def _dial(self, host: Host) -> asyncssh.SSHClientConnection:
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                link = await asyncssh.connect(
                    host.address,
                    host.port,
                    username=USER,
                    known_hosts=([self._pinned[host.name]], [], []),
                    client_keys=[self._key],
                    agent_path=None,
                    config=None,
                    preferred_auth="publickey",
                    keepalive_interval=ALIVE_SECONDS,
                    keepalive_count_max=ALIVE_MISSES,
                )
        except asyncssh.HostKeyNotVerifiable:
            raise LostError(f"{host.address} has another host key than the one that is pinned", host.name) from None
        except asyncssh.PermissionDenied:
            raise LostError(f"{host.address} does not let {USER} in with this key", host.name) from None
        except TimeoutError:
            raise LostError(f"{host.address} does not answer within {DIAL_SECONDS:.0f} s", host.name) from None
        except (asyncssh.Error, OSError) as error:
            raise LostError(f"{host.address} can't be reached: {error}", host.name) from None
        self.dialled += 1
        return link


async def _begun(link: asyncssh.SSHClientConnection, verb: str) -> asyncssh.SSHClientProcess[str]:
    """A session for a verb. A host takes two at once (sshd's MaxSessions), and a busy one is slow to end an old one."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SESSION_SECONDS
    while True:
        try:
            return await link.create_process(f"{COMMAND} fleet {verb}", encoding="utf-8", errors="replace")
        except asyncssh.ChannelOpenError:  # so the verb has not begun
            if link.is_closed() or loop.time() > until:
                raise
        await asyncio.sleep(0.25)


async def _run(
    link: asyncssh.SSHClientConnection, host: str, verb: str, message: Mapping[str, Any], said: Said
) -> Mapping[str, Any]:
    """Run a verb to its end. Its input goes in whole before its words are read: it is short, and a pipe holds it."""
    process = await _begun(link, verb)
    try:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.write_eof()
        found = await asyncio.gather(_answer(process.stdout, said), _tail(process.stderr))
        await process.wait_closed()
    finally:
        process.close()  # if we were interrupted, the host goes on: a return ends what still runs there
    if process.exit_status is None and process.exit_signal is None:
        raise LostError(f"the connection was lost during {verb}")
    answer: Mapping[str, Any] = found[0]
    complaints: list[str] = found[1]
    if process.exit_status != 0:
        raise failure_of(host, verb, answer, complaints)
    return answer


async def _answer(stdout: asyncssh.SSHReader[str], said: Said) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = {}
    async for line in stdout:
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            said({"say": line.rstrip()})
        elif is_answer(data):
            answer = data
        else:
            said(data)
    return answer


async def _tail(stderr: asyncssh.SSHReader[str]) -> list[str]:
    lines = deque[str](maxlen=TAIL)
    async for line in stderr:
        lines.append(line.rstrip())
    return [line for line in lines if line]


def _private(text: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):  # its words may hold some of the key
        raise FleetError("private_key: an SSH private key without a passphrase is wanted") from None


def _public(host: Host) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(host.host_key)
    except asyncssh.KeyImportError:
        raise FleetError(f"hosts: the host_key of {host.name} is no SSH public key") from None
