"""`scripts/fleet.sh` as Pulumi and people run it: a process of its own, hosts over real SSH, signals, kills."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from scripts.fleet.protocol import LockedError, VerbError
from tests.scripts.fake_fleet import FakeFleet
from tests.scripts.fake_order import OLD, Scene, request
from tests.scripts.ssh_host import SshHost, say

SCRIPT = Path(__file__).parents[2] / "scripts" / "fleet.sh"


class Behind:
    """What a fake fleet's host answers, over SSH."""

    def __init__(self, fleet: FakeFleet, name: str) -> None:
        self.fleet = fleet
        self.name = name

    async def __call__(self, process: asyncssh.SSHServerProcess[str], verb: str, message: dict[str, Any]) -> int:
        try:
            answer = await self.fleet.call(self.name, verb, message, lambda line: say(process, **line))
        except (VerbError, LockedError) as error:
            say(process, error=error.reason, lines=list(error.lines), locked=isinstance(error, LockedError))
            return 1
        say(process, ok=True, **answer)
        return 0


class Running:
    """The command, while it runs. `told` is what it has written so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told += line.decode()

    async def until(self, word: str) -> None:
        """Wait until it has said this."""
        async with asyncio.timeout(30):
            while word not in self.told:
                assert self.process.returncode is None, self.told
                await asyncio.sleep(0.02)

    @property
    def coordinator(self) -> int:
        """The process that fleet.sh waits for."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    async def end(self) -> int:
        """Wait for its exit code."""
        async with asyncio.timeout(60):
            await self._reading
            return await self.process.wait()


class Place:
    """A fleet over SSH, and a home of its own for the command."""

    def __init__(self, scene: Scene, servers: list[SshHost], home: Path) -> None:
        self.scene = scene
        self.servers = servers
        self.home = home
        self.started: list[asyncio.subprocess.Process] = []

    def order(self, version: int) -> str:
        hosts = [
            {"name": name, "address": server.address, "host_key": server.public, "port": server.port}
            for name, server in zip(self.scene.names, self.servers, strict=True)
        ]
        order = {"hosts": hosts, "private_key": self.servers[0].private, "owner": "a test", "expires_in": 15}
        return json.dumps({**order, "request": request(version)})

    async def start(self, command: str, *options: str, version: int = 3, by: Sequence[str] = ()) -> Running:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            *by, str(SCRIPT), command, *options, cwd=self.home, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(self.order(version).encode())
        process.stdin.close()
        self.started.append(process)
        return Running(process)


@asynccontextmanager
async def place(size: int, home: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as opened:
        scene = Scene(size)
        visitor = asyncssh.generate_private_key("ssh-ed25519")
        servers = [
            await opened.enter_async_context(
                SshHost(Behind(scene.fleet, name), visitor=visitor, address=f"127.0.0.{number}")
            )
            for number, name in enumerate(scene.names, 1)
        ]
        found = Place(scene, servers, home)
        try:
            yield found
        finally:
            for process in found.started:
                if process.returncode is None:
                    process.kill()


def test_a_release_from_anywhere_leaves_nothing_behind_where_it_ran(tmp_path: Path) -> None:
    """DV4: one connection for each host; ALL3: the key is in no argument, no variable and no file."""

    async def story() -> None:
        async with place(3, tmp_path) as fleet:
            fleet.scene.fleet.hosts["web-2"].takes = {"stage": 1}
            running = await fleet.start("release")
            await running.until("releasing")
            shown = [Path(f"/proc/{pid}") for pid in (running.process.pid, running.coordinator)]
            seen = b"".join((place / what).read_bytes() for place in shown for what in ("cmdline", "environ"))
            assert await running.end() == 0, running.told
            assert b"PRIVATE KEY" not in seen
            assert "PRIVATE KEY" not in running.told
            assert list(tmp_path.rglob("*")) == []
            assert [server.connections for server in fleet.servers] == [1, 1, 1]
            lines = running.told.splitlines()
            serving = set(fleet.scene.live().values())
            assert len(serving) == 1
            assert lines[-3:] == [f"{name}  {release}" for name in fleet.scene.names for release in serving]
            again = await fleet.start("release")
            assert await again.end() == 0
            assert "already serving on every host" in again.told

    asyncio.run(story())


def test_a_failed_release_is_exit_1_with_the_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            fleet.scene.fleet.trouble.plan["web-2 start (before)"] = "failed"
            running = await fleet.start("release")
            assert await running.end() == 1
            assert "the release failed: web-2: start: no space left on device" in running.told
            assert set(fleet.scene.live().values()) == {OLD}

    asyncio.run(story())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_returns_every_host(tmp_path: Path, number: signal.Signals) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            fleet.scene.fleet.hosts["web-1"].takes = {"migrate": 60}
            running = await fleet.start("release")
            await running.until("there is room on the disk")
            await asyncio.sleep(0.3)
            os.kill(running.coordinator, number)
            assert await running.end() == 1
            assert f"interrupted by {number.name}" in running.told
            assert set(fleet.scene.live().values()) == {OLD}
            assert fleet.scene.at_rest()

    asyncio.run(story())


@pytest.mark.parametrize("by", [(), ("/bin/sh", "-c", '"$@" || exit', "sh")], ids=["itself", "its shell"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_kills_what_it_has_started_has_every_host_returned(
    tmp_path: Path, number: signal.Signals, by: Sequence[str]
) -> None:
    """Ctrl-C during `pulumi up`: the provider of commands kills without a word, and reads on until all is said."""

    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            fleet.scene.fleet.hosts["web-1"].takes = {"migrate": 60}
            running = await fleet.start("release", by=by)
            await running.until("there is room on the disk")
            await asyncio.sleep(0.3)
            running.process.send_signal(number)
            assert await running.end() == -number
            assert "interrupted: what has started it was killed" in running.told
            assert set(fleet.scene.live().values()) == {OLD}
            assert fleet.scene.at_rest()

    asyncio.run(story())


def test_a_killed_coordinator_is_recovered_from_by_another(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            fleet.scene.fleet.hosts["web-2"].takes = {"switch": 2}
            running = await fleet.start("release")
            async with asyncio.timeout(30):
                while fleet.scene.fleet.hosts["web-1"].live == OLD:
                    await asyncio.sleep(0.02)
            os.kill(running.coordinator, signal.SIGKILL)
            await running.end()
            fleet.scene.fleet.hosts["web-2"].takes = {}
            recovery = await fleet.start("recover")
            assert await recovery.end() == 0, recovery.told
            assert "was interrupted, and no host has committed it" in recovery.told
            assert set(fleet.scene.live().values()) == {OLD}
            assert fleet.scene.at_rest()

    asyncio.run(story())


def test_a_watcher_that_leaves_does_not_end_the_release(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            fleet.scene.fleet.hosts["web-1"].takes = {"stage": 1}
            running = await fleet.start("release")
            await running.until("releasing")
            running._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running._reading
            running.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
            running.process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(30):
                await running.process.wait()
            assert OLD not in fleet.scene.live().values()
            assert len(set(fleet.scene.live().values())) == 1

    asyncio.run(story())


def test_read_only_is_switched_on_and_off_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            for switch, wanted in (("on", True), ("off", False)):
                running = await fleet.start("read-only", switch)
                assert await running.end() == 0, running.told
                assert running.told.count("read-only since") == (2 if wanted else 0)
            for arguments in (["read-only"], ["read-only", "maybe"], ["status", "on"]):
                assert await (await fleet.start(*arguments)).end() == 2

    asyncio.run(story())


def test_the_status_is_there_for_programs(tmp_path: Path) -> None:
    async def story() -> None:
        async with place(2, tmp_path) as fleet:
            running = await fleet.start("status", "--json")
            assert await running.end() == 0
            facts = {"release": OLD, "images": request(2)["images"], "versions": {"api": "1.2.0"}}
            assert json.loads(running.told) == {"web-1": facts, "web-2": facts}

    asyncio.run(story())


@pytest.mark.parametrize(("arguments", "code"), [(["release"], 1), (["nothing"], 2), ([], 2), (["--help"], 0)])
def test_without_an_order_the_reason_is_one_line(arguments: list[str], code: int) -> None:
    done = subprocess.run([SCRIPT, *arguments], input="{}", capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code == 1:
        assert done.stderr == "hosts: a list of at least one host is wanted\n"


def test_the_launcher_finds_its_program_through_a_link_and_without_a_virtual_environment(tmp_path: Path) -> None:
    """A machine of CI may have the requirements in its only Python."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "fleet.sh").write_text(SCRIPT.read_text())
    (tmp_path / "scripts" / "fleet.sh").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "fleet").symlink_to(tmp_path / "scripts" / "fleet.sh")
    python = tmp_path / "bin" / "python3"
    python.write_text('#!/bin/sh\necho "$PWD" "$@"\n')
    python.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [tmp_path / "bin" / "fleet", "status"], env={"PATH": path}, cwd="/", capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path} -m scripts.fleet status\n"
