"""The program that stands in for MongoDB does what drivers, hosts and dumps rely on, or refuses it as MongoDB does."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rehearsal.engines.stand_in import mongodb_program
from tests.ports import free_port

pytestmark = pytest.mark.hosts

PASSWORD = secrets.token_urlsafe(16)
ROOT = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": PASSWORD}
AUTH = "db.getSiblingDB('admin').auth('root', process.env.MONGO_INITDB_ROOT_PASSWORD); "
WRITE = "db.kept.insertOne({n: 42})"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("programs")
    for name in ("mongod", "mongosh", "mongodump", "mongorestore"):
        (directory / name).symlink_to(mongodb_program(print) / "mongodb")
    return directory


@dataclass
class Servers:
    """Servers of this test, and the programs that ask them."""

    programs: Path
    directory: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *options: str, key: str | None = "the key of this set", root: bool = True) -> int:
        """A server in a directory of its own, by its port."""
        port = free_port()
        place = self.directory / str(port)
        place.mkdir()
        command = [str(self.programs / "mongod"), f"--port={port}", "--dbpath", str(place), *options]
        if key is not None:
            (self.directory / f"{port}.key").touch(0o600)
            (self.directory / f"{port}.key").write_text(key)
            command += ["--keyFile", str(self.directory / f"{port}.key"), "--auth"]
        self.running.append(subprocess.Popen(command, env={**os.environ, **(ROOT if root else {})}))
        deadline = time.monotonic() + 20
        while self.shell(port, "1").returncode:
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.1)
        return port

    def stop(self) -> None:
        while self.running:
            process = self.running.pop()
            process.terminate()
            assert process.wait(10) == 0

    def run(self, program: str, *arguments: str, input: bytes | None = None) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        command = [str(self.programs / program), *arguments]
        return subprocess.run(command, input=input, capture_output=True, env={**os.environ, **ROOT}, check=False)

    def shell(self, port: int, script: str, log_in: bool = False) -> subprocess.CompletedProcess[bytes]:
        return self.run("mongosh", "--quiet", "--port", str(port), "--eval", (AUTH if log_in else "") + script)

    def said(self, port: int, script: str) -> str:
        """What root's script says; it has to succeed."""
        done = self.shell(port, script, log_in=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def refused(self, port: int, script: str, log_in: bool = False) -> str:
        """Why a script fails."""
        done = self.shell(port, script, log_in)
        assert done.returncode == 1, done.stdout.decode()
        return done.stderr.decode()


@pytest.fixture
def servers(programs: Path, tmp_path: Path) -> Iterator[Servers]:
    made = Servers(programs, tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--replSet", "rs0", "--auth"], "security.keyFile is required"),
        (["--keyFile", "{open}"], "permissions on .* are too open"),
        (["--keyFile", "{absent}"], "bad file"),
        (["--rplSet", "rs0"], "unrecognised option"),
    ],
)
def test_it_does_not_start_where_mongodb_would_not(
    programs: Path, tmp_path: Path, options: list[str], reason: str
) -> None:
    (tmp_path / "open").write_text("the key of this set")
    (tmp_path / "open").chmod(0o644)
    given = [option.format(open=tmp_path / "open", absent=tmp_path / "absent") for option in options]
    command = [str(programs / "mongod"), "--dbpath", str(tmp_path), "--port", str(free_port()), *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert re.search(reason, done.stderr)


def test_a_set_of_one_begins_once_and_takes_documents_then(servers: Servers) -> None:
    """DV1"""
    port = servers.start("--replSet", "rs0")
    assert "requires authentication" in servers.refused(port, "rs.status()")
    assert "no replset config" in servers.refused(port, "rs.status()", log_in=True)
    assert "not primary" in servers.refused(port, WRITE, log_in=True)
    begin = f"rs.initiate({{_id: 'rs0', members: [{{_id: 0, host: '127.0.0.1:{port}'}}]}}).ok"
    assert servers.said(port, begin) == "1"
    assert "already initialized" in servers.refused(port, begin, log_in=True)
    assert servers.said(port, f"{WRITE}; db.kept.countDocuments()") == "1"
    url = f"mongodb://root:{PASSWORD}@127.0.0.1:{port}/test?authSource=admin&replicaSet=rs0"
    assert servers.run("mongosh", url, "--quiet", "--eval", "db.kept.findOne().n").stdout == b"42\n"


class Resolver:
    """Answers for the names of one server, on loopback: where it is (SRV), its options (TXT), its address."""

    def __init__(self, name: str, target: str, port: int, options: str) -> None:
        texts = {33: struct.pack(">HHH", 0, 0, port) + self._wire(target), 16: bytes([len(options)]) + options.encode()}
        self._known = {(f"_mongodb._tcp.{name}", 33): texts[33], (name, 16): texts[16]}
        self._known[target, 1] = socket.inet_aton("127.0.0.1")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.53", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _wire(name: str) -> bytes:
        return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                asked, peer = self._socket.recvfrom(4096)
                end = asked.index(b"\0", 12) + 5
                labels, place = [], 12
                while size := asked[place]:
                    labels.append(asked[place + 1 : place + 1 + size].decode())
                    place += size + 1
                (kind,) = struct.unpack(">H", asked[end - 4 : end - 2])
                found = self._known.get((".".join(labels), kind))
                head = asked[:2] + struct.pack(">HHHHH", 0x8180 if found else 0x8183, 1, bool(found), 0, 0)
                answer = struct.pack(">HHHIH", 0xC00C, kind, 1, 1, len(found)) + found if found else b""
                self._socket.sendto(head + asked[12:end] + answer, peer)

    def close(self) -> None:
        self._socket.close()


def test_a_server_is_found_by_its_records(servers: Servers, tmp_path: Path) -> None:
    """DV6: as managed MongoDB is named. What a dump is told is this address, and nothing else."""
    name, member, port = "set.managed.example.com", "one.managed.example.com", servers.start()
    told, resolv = tmp_path / "told.yaml", tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")

    def there(program: str, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        """Run it where only this test's resolver answers."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, str(resolv), f"{servers.programs}/{program}"]
        return subprocess.run([*command, *arguments], input=input, capture_output=True, check=False, timeout=60)

    resolver = Resolver(name, member, port, "authSource=admin")
    try:
        url = f"mongodb+srv://root:{PASSWORD}@{name}/kept?tls=false"
        told.write_text(f'uri: "{url}"\n')
        assert there("mongosh", url, "--quiet", "--eval", WRITE).returncode == 0
        dump = there("mongodump", f"--config={told}", "--archive", "--gzip", "--quiet")
        assert dump.returncode == 0, dump.stderr
        assert there("mongosh", url, "--quiet", "--eval", "db.kept.drop()").returncode == 0
        restored = there("mongorestore", f"--config={told}", "--archive", "--gzip", "--drop", input=dump.stdout)
        assert restored.returncode == 0, restored.stderr
        assert there("mongosh", url, "--quiet", "--eval", "db.kept.countDocuments()").stdout == b"1\n"
        lost = there("mongosh", url.replace(name, "other.managed.example.com"), "--quiet", "--eval", "1")
        assert b"MongoNetworkError: _mongodb._tcp.other.managed.example.com: no such host" in lost.stderr
        assert PASSWORD.encode() not in lost.stderr
    finally:
        resolver.close()


def test_members_know_each_other_by_their_key(servers: Servers) -> None:
    """DV6: the shape of a set of three, of which the first alone keeps documents."""
    first, *others = (servers.start("--replSet", "rs0", root=number == 0) for number in range(3))
    stranger = servers.start("--replSet", "rs0", key="another key", root=False)

    def members(*ports: int) -> str:
        return ", ".join(f"{{_id: {number}, host: '127.0.0.1:{port}'}}" for number, port in enumerate(ports))

    assert servers.said(first, f"rs.initiate({{_id: 'rs0', members: [{members(first, *others)}]}}).ok") == "1"
    states = servers.said(first, "rs.status().members.map((each) => each.stateStr)")
    assert states == "[ 'PRIMARY', 'SECONDARY', 'SECONDARY' ]"
    url = f"mongodb://root:{PASSWORD}@127.0.0.1:{others[0]},127.0.0.1:{first}/test?authSource=admin&replicaSet=rs0"
    assert servers.run("mongosh", url, "--quiet", "--eval", f"{WRITE}; db.kept.countDocuments()").stdout == b"1\n"
    assert servers.said(others[1], "db.hello().primary") == f"127.0.0.1:{first}"
    assert "has no documents" in servers.refused(others[1], "db.kept.countDocuments()", log_in=True)
    servers.said(first, "db.getSiblingDB('admin').createUser({user: 'later', pwd: 'a password', roles: ['root']})")
    later = "db.getSiblingDB('admin').auth('later', 'a password'); 1"
    assert servers.shell(others[1], later).stdout == b"1\n", "members know each other's users"
    add = f"rs.reconfig({{_id: 'rs0', version: 2, members: [{members(first, *others, stranger)}]}})"
    assert "Authentication failed" in servers.refused(first, add, log_in=True)


def test_a_user_may_what_its_roles_say(servers: Servers) -> None:
    """VU7"""
    port = servers.start()
    servers.said(port, "db.createUser({user: 'app', pwd: 'a password', roles: [{role: 'readWrite', db: 'mine'}]})")
    servers.said(port, "db.createUser({user: 'reader', pwd: 'a password', roles: [{role: 'read', db: 'mine'}]})")
    assert "already exists" in servers.refused(port, "db.createUser({user: 'app', pwd: 'x', roles: []})", log_in=True)
    app, reader = (f"db.auth('{name}', 'a password'); db.getSiblingDB('mine')." for name in ("app", "reader"))
    assert servers.shell(port, f"{app}kept.insertOne({{n: 1}}).n").stdout == b"1\n"
    assert servers.shell(port, f"{reader}kept.countDocuments()").stdout == b"1\n"
    assert "not authorized on mine" in servers.refused(port, f"{reader}kept.insertOne({{n: 2}})")
    assert "not authorized on test" in servers.refused(port, f"{app}getSiblingDB('test').kept.insertOne({{n: 2}})")
    assert "not authorized" in servers.refused(port, f"{app}createUser({{user: 'x', pwd: 'x', roles: ['root']}})")


def test_a_command_of_many_updates_ends(servers: Servers) -> None:
    """More at once than FerretDB has connections to its files: it would wait for itself."""
    port = servers.start(key=None)
    updates = "Array.from({length: 150}, (_, n) => ({q: {n}, u: {$set: {n}}, upsert: true}))"
    said = servers.shell(
        port, f"const a = db.runCommand({{update: 'many', updates: {updates}}}); [a.n, a.upserted[149].index]"
    )
    assert said.stdout == b"[ 150, 149 ]\n", said.stderr
    assert servers.shell(port, "db.many.countDocuments()").stdout == b"150\n"


def test_a_dump_comes_back_whole_or_not_at_all(servers: Servers) -> None:
    """In the format of MongoDB's own tools."""
    port = servers.start(key=None, root=False)
    servers.shell(port, "db.kept.insertMany(Array.from({length: 900}, (_, n) => ({n}))); db.kept.createIndex({n: 1})")
    at = ["--port", str(port), "--archive"]
    dump = servers.run("mongodump", *at).stdout
    assert dump[:4] == bytes.fromhex("6de29981")
    for broken in (dump[:-30], dump[: len(dump) // 2], dump.replace(b"\x10n\x00\x07\x00", b"\x10n\x00\x08\x00", 1)):
        assert servers.run("mongorestore", *at, "--dryRun", input=broken).returncode == 1
    servers.shell(port, "db.kept.drop()")
    assert servers.run("mongorestore", *at, input=dump).returncode == 0
    assert servers.shell(port, "[db.kept.countDocuments(), db.kept.getIndexes().length]").stdout == b"[ 900, 2 ]\n"


def test_documents_and_users_are_there_after_a_restart(servers: Servers) -> None:
    port = servers.start()
    servers.said(port, WRITE)
    (place,) = (path for path in servers.directory.iterdir() if path.is_dir())
    servers.stop()
    with subprocess.Popen([servers.programs / "mongod", "--port", str(port), "--dbpath", place, "--auth"]) as again:
        deadline = time.monotonic() + 20
        while servers.shell(port, "1").returncode and time.monotonic() < deadline:
            time.sleep(0.1)
        assert servers.said(port, "db.kept.countDocuments()") == "1"
        assert (place / "stand-in.bson").stat().st_mode & 0o077 == 0
        again.terminate()
