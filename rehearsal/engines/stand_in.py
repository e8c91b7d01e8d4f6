"""The program that stands in for MongoDB, built with this machine's Go and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rehearsal.cache import cache_directory, locked
from rehearsal.image import Progress
from rehearsal.model import CloudError

SOURCE = Path(__file__).parent / "mongodb" / "program"
_NAME = "mongodb"
_PATIENCE = 1800.0  # seconds; SQLite in Go takes three minutes on two cores


def mongodb_program(progress: Progress) -> Path:
    """The directory that holds the program `mongodb` and nothing else. Built now if need be; CloudError without Go."""
    kept = cache_directory("engines", f"mongodb-{recipe(SOURCE)}")
    with locked(cache_directory("engines") / "lock", lambda: progress("waiting for MongoDB's stand-in")):
        if not (kept / _NAME).exists():
            _build(kept / _NAME, progress)
            for older in kept.parent.glob("mongodb-*"):
                if older != kept:
                    shutil.rmtree(older)
    return kept


def recipe(source: Path) -> str:
    """Another text when the program would come out otherwise."""
    files = sorted(path for path in source.iterdir() if path.is_file())
    return hashlib.sha256(repr([(path.name, path.read_bytes()) for path in files]).encode()).hexdigest()[:16]


def _build(program: Path, progress: Progress) -> None:
    """Written beside and renamed. Without PostgreSQL's part of FerretDB, which nobody uses here."""
    go = shutil.which("go")
    if go is None:
        raise CloudError("MongoDB's stand-in has to be built, and Go is not installed")
    progress("building MongoDB's stand-in with Go (some minutes, once)")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOOS": "linux"}
    with tempfile.TemporaryDirectory(dir=program.parent.parent) as work:
        partial = Path(work, _NAME)
        flags = ["-trimpath", "-buildvcs=false", "-tags", "ferretdb_no_postgresql", "-ldflags", "-s -w"]
        done = subprocess.run(
            [go, "build", *flags, "-o", str(partial), "."],
            cwd=SOURCE,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise CloudError(f"go build: {' · '.join(done.stderr.strip().splitlines()[-3:])}")
        partial.replace(program)
