"""An SSH server on this machine that answers as hosts of a fleet do, by what its script says of each verb."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncssh

Script = Callable[["asyncssh.SSHServerProcess[str]", str, dict[str, Any]], Awaitable[int]]


@dataclass
class SshHost:
    """A host with a key of its own, which runs two commands at once as sshd's MaxSessions has it, and refuses a third.

    `heard` are the commands and their inputs, `connections` how many there were.
    """

    script: Script
    key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    visitor: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    connections: int = 0
    sessions: int = 0
    most: int = 2
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def public(self) -> str:
        """What a coordinator pins."""
        return self.key.export_public_key().decode().strip()

    @property
    def private(self) -> str:
        """What lets a coordinator in."""
        return self.visitor.export_private_key().decode()

    async def __aenter__(self) -> SshHost:
        allowed = asyncssh.import_authorized_keys(self.visitor.export_public_key().decode())
        counted = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                counted.connections += 1

            def session_requested(self) -> asyncssh.SSHServerProcess[str] | bool:
                if counted.sessions == counted.most:
                    return False
                counted.sessions += 1
                return asyncssh.SSHServerProcess(counted._process, None, 3, False)

        self._server = await asyncssh.create_server(
            Server, self.address, 0, server_host_keys=[self.key], authorized_client_keys=allowed
        )
        self.port = self._server.get_port()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _process(self, process: asyncssh.SSHServerProcess[str]) -> None:
        try:
            message = json.loads(await process.stdin.read() or "{}")
            command = process.command or ""
            self.heard.append((command, message))
            process.exit(await self.script(process, command.rpartition(" ")[2], message))
        finally:
            self.sessions -= 1


def say(process: asyncssh.SSHServerProcess[str], **facts: Any) -> None:
    """Write a line of JSON."""
    process.stdout.write(json.dumps(facts) + "\n")


async def forever(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    """A verb that does not end."""
    say(process, begin="fetch")
    await asyncio.sleep(3600)
    return 0
