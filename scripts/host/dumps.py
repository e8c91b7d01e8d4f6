"""Dumps of the product's databases, taken before a migration and kept as long as the release that it was for."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from . import durable
from .compose_config import ComposeLayout, Dump
from .containers import RELEASE, Docker
from .ledger import Ledger
from .run import HostError

DUMP_SECONDS = 3600
LIST_SECONDS = 600

_MAGIC = struct.pack("<I", 0x8199E26D)
"""How an archive of mongodump begins."""
_END = b"\xff\xff\xff\xff"
"""Ends a part of it."""


class Dumps:
    """Takes dumps with each engine's own tools, in containers of the product's network; nothing is installed for it."""

    def __init__(self, docker: Docker, layout: ComposeLayout, network: str) -> None:
        self.docker = docker
        self.layout = layout
        self.network = network

    def take(self, dumps: Sequence[Dump], release: str) -> None:
        """Dump every database for `release`, look into each dump, note it in the ledger; HostError if one is bad."""
        for dump in dumps:
            path = self.layout.backups / release / f"{dump.name}.dump"
            self.layout.backups.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            engine = {"postgres": self._postgres, "mongodb": self._mongodb}[dump.engine]
            try:
                count = engine(dump, path, release)
            except (HostError, OSError, EOFError) as error:
                path.unlink(missing_ok=True)
                raise HostError(f"dump of {dump.name}: {getattr(error, 'reason', None) or error}") from None
            durable.sync_directory(path.parent)
            size = path.stat().st_size
            Ledger(self.layout.state).append("dump", release=release, name=dump.name, bytes=size, entries=count)
            self.docker.commands.progress.say(f"dump of {dump.name}: {size} bytes, {count} entries")

    def prune(self, kept: Sequence[str]) -> None:
        """Remove dumps of releases that are gone, but none that is younger than the oldest release that is kept:
        one of a migration that failed may be needed yet."""
        if not kept or not self.layout.backups.is_dir():
            return
        for entry in self.layout.backups.iterdir():
            if entry.is_dir() and entry.name < min(kept):
                shutil.rmtree(entry)

    def _postgres(self, dump: Dump, path: Path, release: str) -> int:
        """The number of things in the dump, as pg_restore lists them: it has read the table of contents then."""
        tool = ["--env-file", str(dump.env_file), "--entrypoint", "pg_dump", dump.image]
        self._run(dump, path, release, [*tool, "--format=custom", "--no-password"])
        with path.open("rb") as source:
            lister = ["run", "--rm", "--interactive", "--network", "none", "--entrypoint", "pg_restore", dump.image]
            commands = self.docker.commands
            code, stdout, stderr = commands.output(
                ["docker", *lister, "--list"], Path("/"), commands.base(), LIST_SECONDS, source
            )
        if code:
            raise HostError(f"pg_restore can't list it: {stderr.strip()[-200:]}")
        return sum(1 for line in stdout.splitlines() if line.strip() and not line.startswith(";"))

    def _mongodb(self, dump: Dump, path: Path, release: str) -> int:
        """The number of collections in the archive, after all of it was read: gzip knows whether it is whole."""
        config = "/run/slipway/mongodump.yaml"
        mount = f"type=bind,source={dump.env_file},target={config},readonly"
        tool = ["--mount", mount, "--user", "0:0", "--entrypoint", "mongodump", dump.image]  # root's file is for root
        self._run(dump, path, release, [*tool, "--archive", "--gzip", f"--config={config}"])
        with gzip.open(path) as archive:
            count = collections(archive)
            while archive.read(1 << 20):
                pass
        return count

    def _run(self, dump: Dump, path: Path, release: str, arguments: Sequence[str]) -> None:
        name = f"{self.network}-dump-{dump.name}"
        self.docker.answer("rm", "--force", name)  # an interrupted release may have left it
        how = ["run", "--rm", "--name", name, "--label", f"{RELEASE}={release}", "--network", self.network]
        try:
            with _private(path) as target:
                self.docker.logged([*how, *arguments], f"dump of {dump.name}", DUMP_SECONDS, target)
        except BaseException:
            self.docker.answer("rm", "--force", name)
            raise
        if not path.stat().st_size:
            raise HostError("it is empty")


def collections(archive: io.BufferedIOBase) -> int:
    """How many collections an archive of mongodump says it has: documents of its head after the first. HostError
    if it is none."""
    if archive.read(4) != _MAGIC:
        raise HostError("it is no archive of mongodump")
    documents = 0
    while (size := archive.read(4)) != _END:
        if len(size) < 4:
            raise HostError("its head is cut off")
        archive.read(struct.unpack("<i", size)[0] - 4)
        documents += 1
    return max(0, documents - 1)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that is root's alone, on disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
