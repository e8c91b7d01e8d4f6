"""The load counts every failure and repeats none: what "0 failed requests" rests on."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.load import Load, Tally

NAME, OTHER = "shop.example.com", "api.example.com"
Handler = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the name, made now, which is its own authority; its key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName(OTHER)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    place = tmp_path_factory.mktemp("authority") / "authority.pem"
    place.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    place.with_suffix(".key").write_bytes(private)
    return place


async def _request(reader: asyncio.StreamReader, hosts: set[str]) -> tuple[str, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    hosts |= {line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Host: ")}
    lengths = [int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")]
    if lengths:
        await reader.readexactly(lengths[0])
    return head.split(" ")[0], "keep-alive" in head


def _answer(status: str = "200 OK", body: bytes = b'{"release":"one"}') -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _always_well(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_answer())


def _options(authority: Path, targets: list[dict[str, str]], **changes: float) -> argparse.Namespace:
    """Of a load on this machine."""
    where = {"address": "127.0.0.1", "name": NAME, "authority": authority}
    return argparse.Namespace(**where, targets=json.dumps(targets), **changes)


async def _run(authority: Path, handler: Handler, least: int, asked: list[str], hosts: set[str] | None = None) -> Tally:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                method, keep = await _request(reader, set() if hosts is None else hosts)
                asked.append(method)
                await handler(len(asked), reader, writer)
                await writer.drain()
                if not keep or writer.is_closing():
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority, authority.with_suffix(".key"))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        targets = [
            {"method": "GET", "path": "/", "marks": "release"},
            {"method": "POST", "path": "/notes/", "body": "{}", "host": OTHER},
        ]
        port = server.sockets[0].getsockname()[1]
        options = _options(authority, port=port, targets=targets, clients=4, rate=2000.0, least=least)
        load = Load(options)
        load.done.set()
        await load.run()
        server.close_clients() if hasattr(server, "close_clients") else None
    return load.tally


def test_all_is_counted_by_kind_and_by_who_served(authority: Path) -> None:
    asked: list[str] = []
    hosts: set[str] = set()
    tally = asyncio.run(_run(authority, _always_well, 200, asked, hosts))
    assert tally.failures == []
    assert hosts == {NAME, OTHER}
    assert tally.sent == len(asked) >= 200
    assert set(tally.kinds) == {f"{m} on {c} connections" for m in ("GET", "POST") for c in ("kept", "new")}
    assert set(tally.served_by) == {"one"}


def test_a_status_that_is_no_success_is_a_failure(authority: Path) -> None:
    async def handler(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_answer("502 Bad Gateway", b"") if number == 50 else _answer())

    tally = asyncio.run(_run(authority, handler, 100, []))
    assert len(tally.failures) == 1
    assert "status 502" in tally.failures[0][1]


def test_a_connection_that_breaks_is_a_failure_and_the_request_is_not_repeated(authority: Path) -> None:
    async def handler(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number in (40, 41, 42):
            writer.transport.abort()
        else:
            writer.write(_answer())

    asked: list[str] = []
    tally = asyncio.run(_run(authority, handler, 120, asked))
    assert len(tally.failures) == 3
    assert tally.sent == len(asked), "each was sent once"


def test_an_answer_that_stops_half_way_is_a_failure(authority: Path) -> None:
    async def handler(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number == 30:
            writer.write(_answer()[:-5])
            writer.close()
        else:
            writer.write(_answer())

    assert len(asyncio.run(_run(authority, handler, 60, [])).failures) == 1


def test_nobody_there_is_a_failure_each_time(authority: Path) -> None:
    options = _options(authority, port=1, targets=[{"method": "GET", "path": "/"}], clients=2, rate=2000.0, least=10)

    async def run() -> Tally:
        load = Load(options)
        load.done.set()
        await load.run()
        return load.tally

    tally = asyncio.run(run())
    assert len(tally.failures) == tally.sent >= 10


def test_the_rate_is_steady_until_told_and_the_rest_is_sent_as_fast_as_it_is_answered(authority: Path) -> None:
    options = _options(authority, port=1, targets=[{"method": "GET", "path": "/"}], clients=2, rate=20.0, least=1000)

    async def run() -> tuple[int, int]:
        load = Load(options)
        running = asyncio.create_task(load.run())
        await asyncio.sleep(1)
        steady = load.tally.sent
        load.done.set()
        await asyncio.wait_for(running, 40)  # at the steady rate it would take 50 s
        return steady, load.tally.sent

    steady, sent = asyncio.run(run())
    assert 0 < steady <= 25
    assert sent >= 1000
