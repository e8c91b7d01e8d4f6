"""Connections to hosts over real SSH: one for each host, its key pinned, every way in which a verb can end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncssh
import pytest

from scripts.fleet import connections
from scripts.fleet.connections import Connections
from scripts.fleet.order import Host
from scripts.fleet.protocol import FleetError, LockedError, LostError, VerbError
from tests.scripts.ssh_host import Script, SshHost, forever, say

MESSAGE = {"fleet": "20261121T100000-22222222", "owner": "alice"}


def host(there: SshHost, name: str = "web-1") -> Host:
    return Host(name, "127.0.0.1", there.public, there.port)


def answered(script: Script, verb: str = "stage") -> tuple[Mapping[str, Any], list[Mapping[str, Any]], SshHost]:
    """A verb's answer, what was said before it, and the host."""

    async def ask() -> tuple[Mapping[str, Any], list[Mapping[str, Any]], SshHost]:
        async with SshHost(script) as there, Connections([host(there)], there.private) as links:
            said: list[Mapping[str, Any]] = []
            answer = await links.call("web-1", verb, MESSAGE, said.append)
            return answer, said, there

    return asyncio.run(ask())


async def _good(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    say(process, begin="fetch")
    say(process, step="fetch", seconds=1.25)
    process.stdout.write("a line that is no JSON\n")
    say(process, ok=True, live="x", checks={"disk": "ok"})
    return 0


def test_a_verb_s_input_goes_in_and_its_lines_and_answer_come_out() -> None:
    answer, said, there = answered(_good)
    assert there.heard == [("sudo -n /usr/local/sbin/slipway fleet stage", MESSAGE)]
    assert answer["checks"] == {"disk": "ok"}
    assert said == [{"begin": "fetch"}, {"step": "fetch", "seconds": 1.25}, {"say": "a line that is no JSON"}]


def test_all_verbs_of_a_host_go_over_one_connection() -> None:
    """DV4: few round trips."""

    async def ask() -> None:
        async with SshHost(_good) as one, SshHost(_good, visitor=one.visitor) as two:
            async with Connections([host(one), host(two, "web-2")], one.private) as links:
                calls = [
                    links.call(name, verb, MESSAGE, lambda line: None)
                    for verb in ("status", "stage", "status", "start")
                    for name in ("web-1", "web-2")
                ]
                await asyncio.gather(*calls)
                assert links.dialled == 2
            assert (one.connections, two.connections) == (1, 1)

    asyncio.run(ask())


def test_a_host_with_another_key_than_the_pinned_one_is_asked_nothing() -> None:
    async def ask() -> None:
        async with SshHost(_good) as there, SshHost(_good) as other:
            wrong = Host("web-1", "127.0.0.1", other.public, there.port)
            async with Connections([wrong], there.private) as links:
                with pytest.raises(LostError, match="another host key than the one that is pinned"):
                    await links.call("web-1", "stage", MESSAGE, lambda line: None)
            assert there.heard == []

    asyncio.run(ask())


def test_a_key_that_the_host_does_not_know_is_said() -> None:
    async def ask() -> None:
        async with SshHost(_good) as there, SshHost(_good) as other, Connections([host(there)], other.private) as links:
            with pytest.raises(LostError, match="does not let deploy in"):
                await links.call("web-1", "stage", MESSAGE, lambda line: None)

    asyncio.run(ask())


def test_a_host_that_is_not_there_is_lost() -> None:
    async def ask() -> None:
        async with SshHost(_good) as there:
            gone = host(there)
        async with Connections([gone], there.private) as links:
            with pytest.raises(LostError, match=r"127\.0\.0\.1 can't be reached"):
                await links.call("web-1", "stage", MESSAGE, lambda line: None)

    asyncio.run(ask())


async def _refused(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    say(process, error="release in progress: bob since 3 min", lines=[], locked=True)
    return 1


async def _failed(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    say(process, begin="fetch")
    say(process, error="release failed at step fetch: no such digest", lines=["one", "two"], locked=False)
    return 1


async def _broken(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    process.stderr.write("sudo: a password is required\nmore\n")
    return 1


async def _mute(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
    return 137


def test_a_verb_that_fails_says_why_with_the_last_lines() -> None:
    with pytest.raises(LockedError, match="release in progress: bob since 3 min"):
        answered(_refused)
    with pytest.raises(VerbError) as failure:
        answered(_failed)
    assert failure.value.describe() == "web-1: stage: release failed at step fetch: no such digest"
    assert failure.value.lines == ("one", "two")
    with pytest.raises(VerbError, match="stage: sudo: a password is required") as broken:
        answered(_broken)
    assert broken.value.lines == ("more",)
    with pytest.raises(VerbError, match="stage: it failed and did not say why"):
        answered(_mute)


def test_a_third_command_at_once_waits_until_the_host_has_room() -> None:
    async def slow(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
        await asyncio.sleep(1 if verb == "stage" else 0)
        say(process, ok=True)
        return 0

    async def ask() -> None:
        async with SshHost(slow) as there, Connections([host(there)], there.private) as links:
            calls = [links.call("web-1", verb, MESSAGE, lambda line: None) for verb in ("stage", "stage", "status")]
            assert all(answer["ok"] for answer in await asyncio.gather(*calls))
            assert [command.split()[-1] for command, _ in there.heard] == ["stage", "stage", "status"]
            assert there.connections == 1

    asyncio.run(ask())


def test_a_host_that_never_has_room_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SESSION_SECONDS", 0.5)

    async def ask() -> None:
        async with SshHost(_good, most=0) as there, Connections([host(there)], there.private) as links:
            with pytest.raises(LostError, match="Session refused"):
                await links.call("web-1", "stage", MESSAGE, lambda line: None)

    asyncio.run(ask())


def test_a_connection_that_breaks_is_made_anew_for_the_next_verb() -> None:
    async def cut(process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
        if verb == "stage":
            say(process, begin="fetch")
            process.channel.get_connection().abort()
        say(process, ok=True)
        return 0

    async def ask() -> None:
        async with SshHost(cut) as there, Connections([host(there)], there.private) as links:
            with pytest.raises(LostError) as lost:
                await links.call("web-1", "stage", MESSAGE, lambda line: None)
            assert lost.value.host == "web-1"
            assert (await links.call("web-1", "return", MESSAGE, lambda line: None))["ok"]
            assert links.dialled == 2

    asyncio.run(ask())


def test_a_host_that_says_nothing_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its power is gone: nobody closes the connection."""
    monkeypatch.setattr(connections, "ALIVE_SECONDS", 0.2)

    async def ask() -> None:
        async with SshHost(forever) as there:
            forwarded: list[asyncio.StreamWriter] = []

            async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while data := await reader.read(65536):
                    if not silent.is_set():
                        writer.write(data)

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                inner, outer = await asyncio.open_connection("127.0.0.1", there.port)
                forwarded.extend([writer, outer])
                await asyncio.gather(pipe(reader, outer), pipe(inner, writer))

            silent = asyncio.Event()
            proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
            at = Host("web-1", "127.0.0.1", there.public, proxy.sockets[0].getsockname()[1])
            async with Connections([at], there.private) as links:
                with pytest.raises(LostError):
                    await links.call("web-1", "stage", MESSAGE, lambda line: silent.set())
            for writer in forwarded:
                writer.close()
            proxy.close()

    asyncio.run(asyncio.wait_for(ask(), 20))


def test_a_verb_is_left_at_once_when_the_release_is_to_end() -> None:
    async def ask() -> None:
        async with SshHost(forever) as there, Connections([host(there)], there.private) as links:
            begun = asyncio.Event()
            call = asyncio.create_task(links.call("web-1", "stage", MESSAGE, lambda line: begun.set()))
            await begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(call, 5)

    asyncio.run(ask())


def test_keys_that_are_none_are_named_and_not_shown() -> None:
    with pytest.raises(FleetError) as wrong:
        Connections([], "not-a-key-but-secret")
    assert wrong.value.reason == "private_key: an SSH private key without a passphrase is wanted"
    with pytest.raises(FleetError, match="hosts: the host_key of web-1 is no SSH public key"):
        Connections([Host("web-1", "192.0.2.1", "AAAA")], SshHost(_good).private)
