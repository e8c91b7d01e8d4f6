"""Requests while something happens: GET and POST, on kept and on new connections, and not one failure retried.

A process of its own (`python -m rehearsal.load`), so that what it measures is not the check that waits. It sends at a
steady rate until its standard input closes; then each user asks again as soon as it is answered, until the least number
of requests is reached. At the end it prints one line of JSON. Clients of
libraries retry a request whose kept connection was closed under it; browsers do so only for some; this one never does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

CLIENTS = 16
"""Users, each with one request at a time."""
TIMEOUT = 35.0
"""Seconds for one request: longer than the product's slowest answer, shorter than a person's patience."""
LONGEST_RUN = 1800.0
"""Seconds after which a load ends by itself, whatever happens to the process that started it."""


@dataclass(frozen=True)
class Target:
    """One request. `marks` is the JSON key of the answer that tells which release served it; `host` a name of the
    product's, its main one where it is left out."""

    method: str
    path: str
    body: str = ""
    marks: str = ""
    host: str = ""


@dataclass
class Tally:
    """What became of the requests: times in seconds since the epoch, latencies in milliseconds while the rate was
    steady."""

    sent: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    served_by: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Client:
    """One user: sends the targets in turn, on one kept connection to each name or on a new one each time."""

    def __init__(self, address: str, port: int, name: str, tls: ssl.SSLContext, keep: bool) -> None:
        self._address, self._port, self._name, self._tls, self._keep = address, port, name, tls, keep
        self._connections: dict[str, Connection] = {}

    async def send(self, target: Target) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises OSError, EOFError or TimeoutError where there is none."""
        name = target.host or self._name
        if name in self._connections:
            reader, writer = self._connections.pop(name)
        else:
            reader, writer = await asyncio.open_connection(
                self._address, self._port, ssl=self._tls, server_hostname=name
            )
        try:
            writer.write(self._request(target, name))
            await writer.drain()
            status, body, close = await _answer(reader)
        except BaseException:
            writer.transport.abort()
            raise
        if self._keep and not close:
            self._connections[name] = reader, writer
        else:
            writer.close()
        return status, body

    async def close(self) -> None:
        """Close the connections that are kept."""
        while self._connections:
            _, (_, writer) = self._connections.popitem()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _request(self, target: Target, name: str) -> bytes:
        body = target.body.encode()
        lines = [
            f"{target.method} {target.path} HTTP/1.1",
            f"Host: {name}",
            "User-Agent: slipway-rehearsal",
            f"Connection: {'keep-alive' if self._keep else 'close'}",
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return status, body, headers.get("connection", "").lower() == "close"


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


class Load:
    """`clients` users, `rate` requests a second together until `done` is set, then as many as are answered until at
    least `least` were sent."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._targets = [Target(**target) for target in json.loads(options.targets)]
        self._tls = ssl.create_default_context(cafile=options.authority)
        self._tls.set_alpn_protocols(["http/1.1"])
        self.tally = Tally()
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Every user to the end."""
        end = time.monotonic() + LONGEST_RUN
        await asyncio.gather(*(self._user(index, end) for index in range(self._options.clients)))

    async def _user(self, index: int, end: float) -> None:
        client = Client(self._options.address, self._options.port, self._options.name, self._tls, keep=index % 2 == 0)
        pause = self._options.clients / self._options.rate
        due = time.monotonic() + pause * index / self._options.clients
        turn = index // 2
        while time.monotonic() < end and not (self.done.is_set() and self.tally.sent >= self._options.least):
            if not self.done.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + pause, time.monotonic() - pause)
            await self._request(client, self._targets[turn % len(self._targets)], "kept" if index % 2 == 0 else "new")
            turn += 1
        await client.close()

    async def _request(self, client: Client, target: Target, connection: str) -> None:
        self.tally.sent += 1
        self.tally.kinds[f"{target.method} on {connection} connections"] += 1
        begun = time.time()
        try:
            status, body = await asyncio.wait_for(client.send(target), TIMEOUT)
        except (OSError, EOFError, asyncio.TimeoutError, ValueError) as error:  # noqa: UP041
            self.tally.failures.append(
                (begun, f"{target.method} {target.path} on a {connection} connection: {type(error).__name__}: {error}")
            )
            return
        if not self.done.is_set():
            self.tally.latencies.append((time.time() - begun) * 1000)
        if not 200 <= status < 300:
            self.tally.failures.append(
                (begun, f"{target.method} {target.path} on a {connection} connection: status {status}")
            )
        elif target.marks:
            self.tally.served_by[str(json.loads(body).get(target.marks))] += 1


async def _until_told(load: Load) -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    load.done.set()


async def _main(options: argparse.Namespace) -> None:
    load = Load(options)
    told = asyncio.create_task(_until_told(load))
    await load.run()
    told.cancel()
    print(json.dumps(vars(load.tally)), flush=True)


def main() -> None:
    """The process: see the module's text."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--name", required=True)
    parser.add_argument("--authority", type=Path, required=True, help="the test authority's certificate")
    parser.add_argument("--targets", required=True, help="JSON list of {method, path, body, marks}")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--rate", type=float, default=250.0)
    parser.add_argument("--least", type=int, default=20_000)
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
