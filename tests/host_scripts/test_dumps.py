"""Dumps before a migration: taken with the engine's tools, looked into, noted, and kept as long as their release."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import pytest

from scripts.host.compose_config import ComposeLayout, Dump
from scripts.host.containers import Docker
from scripts.host.dumps import Dumps, collections
from scripts.host.ledger import Ledger
from scripts.host.run import HostError
from tests.host_scripts.fake_docker import FakeDocker

RELEASE = "20261121T110000-aaaaaaaa"
LISTED = (
    ";\n; Archive created at 2026-11-21\n;\n3; 2615 2200 SCHEMA - public owner\n4; 1259 16385 TABLE public t owner\n"
)


def document(size: int) -> bytes:
    """A BSON document of this size, as far as its length goes."""
    return struct.pack("<i", size) + b"\0" * (size - 4)


def archive(collections: int) -> bytes:
    """The beginning of an archive of mongodump, and some data after it."""
    head = struct.pack("<I", 0x8199E26D) + document(60)
    return head + b"".join(document(80 + number) for number in range(collections)) + b"\xff\xff\xff\xff" + b"data" * 99


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def dumps(tmp_path: Path, docker: FakeDocker) -> Dumps:
    """A host on which dumps are taken."""
    layout = ComposeLayout(tmp_path, tmp_path, tmp_path)
    return Dumps(Docker(docker), layout, "tiny")


def a_dump(engine: str, tmp_path: Path) -> Dump:
    """A database named main, and the file that tells its tools where it is."""
    suffix = {"postgres": "env", "mongodb": "yaml"}[engine]
    return Dump("main", engine, f"docker.io/library/{engine}:17", tmp_path / f"dump-main.{suffix}")


def test_postgres_is_dumped_listed_and_noted(tmp_path: Path, docker: FakeDocker, dumps: Dumps) -> None:
    docker.dumped, docker.listed = b"PGDMP...", LISTED
    dumps.take([a_dump("postgres", tmp_path)], RELEASE)
    path = tmp_path / "backups" / RELEASE / "main.dump"
    assert path.read_bytes() == b"PGDMP..."
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    noted = list(Ledger(tmp_path).entries())[-1]
    assert {key: noted[key] for key in ("event", "release", "name", "bytes", "entries")} == {
        "event": "dump",
        "release": RELEASE,
        "name": "main",
        "bytes": 8,
        "entries": 2,
    }
    taken, listed = docker.started("run")
    assert taken == [
        *["--rm", "--name", "tiny-dump-main", "--label", f"slipway.release={RELEASE}", "--network", "tiny"],
        *["--env-file", f"{tmp_path}/dump-main.env", "--entrypoint", "pg_dump", "docker.io/library/postgres:17"],
        *["--format=custom", "--no-password"],
    ]
    assert listed[-3:] == ["pg_restore", "docker.io/library/postgres:17", "--list"]
    assert "none" in listed, "who only reads a file needs no network"


def test_mongodb_is_dumped_with_a_file_that_root_alone_can_read(
    tmp_path: Path, docker: FakeDocker, dumps: Dumps
) -> None:
    docker.dumped = gzip.compress(archive(3))
    dumps.take([a_dump("mongodb", tmp_path)], RELEASE)
    assert list(Ledger(tmp_path).entries())[-1]["entries"] == 3
    [taken] = docker.started("run")
    mount = f"type=bind,source={tmp_path}/dump-main.yaml,target=/run/slipway/mongodump.yaml,readonly"
    assert taken[taken.index("--mount") + 1] == mount
    assert taken[-3:] == ["--archive", "--gzip", "--config=/run/slipway/mongodump.yaml"]


@pytest.mark.parametrize(
    ("engine", "dumped", "reason"),
    [
        ("postgres", b"", "it is empty"),
        ("mongodb", b"", "it is empty"),
        ("mongodb", gzip.compress(archive(3))[:-20], "Compressed file ended"),
        ("mongodb", gzip.compress(b"not an archive"), "no archive of mongodump"),
        ("mongodb", gzip.compress(archive(1)[:80]), "its head is cut off"),
        ("mongodb", b"plain words", "Not a gzipped file"),
    ],
    ids=("no text", "nothing", "cut off", "something else", "a head cut off", "plain"),  # gzip writes the time of day
)
def test_a_dump_that_is_not_whole_stops_the_release_and_does_not_stay(
    tmp_path: Path, docker: FakeDocker, dumps: Dumps, engine: str, dumped: bytes, reason: str
) -> None:
    docker.dumped = dumped
    with pytest.raises(HostError, match=f"^dump of main: .*{reason}"):
        dumps.take([a_dump(engine, tmp_path)], RELEASE)
    assert not (tmp_path / "backups" / RELEASE / "main.dump").exists()
    assert not [entry for entry in Ledger(tmp_path).entries() if entry["event"] == "dump"]


def test_a_dump_that_fails_stops_the_release(tmp_path: Path, docker: FakeDocker, dumps: Dumps) -> None:
    docker.failing_jobs.add("dump")
    with pytest.raises(HostError, match=r"^dump of main: `dump of main` exited with 1$"):
        dumps.take([a_dump("postgres", tmp_path)], RELEASE)
    assert docker.ran[-1] == ["rm", "--force", "tiny-dump-main"]


def test_an_empty_database_has_a_dump_all_the_same() -> None:
    assert collections(io.BytesIO(archive(0))) == 0


def test_dumps_go_with_their_releases_but_not_those_of_later_failures(tmp_path: Path, dumps: Dumps) -> None:
    """A migration that failed half way is when a dump is needed."""
    names = [f"20261121T1{hour}0000-aaaaaaaa" for hour in "01234"]
    for name in names:
        (tmp_path / "backups" / name).mkdir(parents=True)
    dumps.prune([names[2], names[4]])
    assert sorted(entry.name for entry in (tmp_path / "backups").iterdir()) == names[2:]
    dumps.prune([])
    assert len(list((tmp_path / "backups").iterdir())) == 3
