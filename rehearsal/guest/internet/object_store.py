"""Where the object storage of a rehearsal keeps its buckets and keys (see objects.py, which lies beside it)."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KNOWN = Path("/etc/internet/objects.json")
STORE = Path("/var/lib/objects")


class RefusedError(Exception):
    """An answer of S3's that is none: its status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def known() -> dict[str, dict[str, Any]]:
    """The buckets, and the keys with their secrets and grants."""
    try:
        return json.loads(KNOWN.read_text())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return {"buckets": {}, "keys": {}}


@contextmanager
def change() -> Iterator[dict[str, dict[str, Any]]]:
    """What is known, to be changed. One at a time."""
    with KNOWN.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = known()
        yield found
        beside = KNOWN.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(found, file)
        beside.replace(KNOWN)


class Bucket:
    """The objects of one bucket: a file with the content and one with what is said of it."""

    def __init__(self, name: str) -> None:
        self.directory = STORE / name

    def _place(self, key: str) -> Path:
        return self.directory / hashlib.sha256(key.encode()).hexdigest()

    def described(self, key: str) -> dict[str, Any]:
        """What is said of an object."""
        try:
            return json.loads(self._place(key).with_suffix(".json").read_text())  # type: ignore[no-any-return]
        except FileNotFoundError:
            raise RefusedError(404, "NoSuchKey") from None

    def read(self, key: str) -> bytes:
        """Its content."""
        return self._place(key).read_bytes()

    def write(self, key: str, content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Keep it, whole or not at all."""
        described = {
            "key": key,
            "size": len(content),
            "etag": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "headers": dict(headers),
        }
        for suffix, text in ((".json", json.dumps(described).encode()), ("", content)):
            place = self._place(key).with_suffix(suffix)
            beside = place.with_name(f"{place.name}.{os.urandom(4).hex()}.new")
            beside.write_bytes(text)
            beside.replace(place)
        return described

    def remove(self, key: str) -> None:
        """It may not be there."""
        for suffix in (".json", ""):
            self._place(key).with_suffix(suffix).unlink(missing_ok=True)

    def listed(self, prefix: str) -> list[dict[str, Any]]:
        """Every object below a prefix, by name, with the second of its last change."""
        found = []
        for file in self.directory.glob("*.json"):
            described = json.loads(file.read_text())
            if described["key"].startswith(prefix):
                found.append({**described, "changed": int(file.stat().st_mtime)})
        return sorted(found, key=lambda described: str(described["key"]).encode())


def make(bucket: str) -> None:
    """Give a bucket its place; it may have one."""
    (STORE / bucket).mkdir(parents=True, exist_ok=True)


def forget(bucket: str) -> None:
    """Remove all that is in a bucket."""
    shutil.rmtree(STORE / bucket, ignore_errors=True)
