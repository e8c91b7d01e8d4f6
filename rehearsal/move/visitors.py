"""Visitors who write, upload and read all the while a product moves, and remember what they were told.

Each asks the resolver anew before each request, as one does who comes for the first time, and takes any address that it
gets. A write counts once its answer was good; whatever has no answer may have been kept or not.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.visitor import Answer, Visitor

PLACES = 6
"""Notes that are written to, each by one visitor: of the product's last ten all are shown."""
TRIES = 8
"""How often the resolver is asked: it restarts when a record changes."""
PAUSE = 0.15
"""Seconds between two requests of one visitor."""
UPLOAD_PAUSE = 2.0
"""The same for who uploads: the product keeps a thousand files, and a move may take half an hour."""


def resolve(name: str, resolver: str) -> list[str]:
    """The addresses of a name by this resolver, which is asked more than once. OSError if it never answers."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\x01\0\x01"
    for _ in range(TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, contextlib.suppress(TimeoutError):
            asked.settimeout(1)
            asked.sendto(secrets.token_bytes(2) + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + question, (resolver, 53))
            return _addresses(asked.recv(4096), len(question))
    raise OSError(f"the resolver does not say where {name} is")


def _addresses(answer: bytes, question: int) -> list[str]:
    place, found = 12 + question, []
    for _ in range(struct.unpack(">H", answer[6:8])[0]):
        while answer[place] and answer[place] < 0xC0:
            place += answer[place] + 1
        place += 2 if answer[place] else 1
        kind, _, _, size = struct.unpack(">HHIH", answer[place : place + 10])
        if kind == 1:
            found.append(socket.inet_ntoa(answer[place + 10 : place + 14]))
        place += 10 + size
    return found


@dataclass
class Told:
    """What visitors were told. Times are of time.monotonic()."""

    notes: dict[int, list[int]] = field(default_factory=dict)  # by place, the numbers of the texts that were taken
    sent: dict[int, int] = field(default_factory=dict)  # by place, the number of the last text that was sent
    uploads: dict[str, str] = field(default_factory=dict)  # by name, the hash of the content that was taken
    written: list[tuple[float, str]] = field(default_factory=list)  # when a write was taken, and at which address
    refused: list[float] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)  # writes
    read: int = 0
    unread: list[str] = field(default_factory=list)

    def window(self, new: str) -> float:
        """The seconds between the last write that the old side took and the first that the new one did."""
        first = min((at for at, address in self.written if address == new), default=float("inf"))
        last = max((at for at, address in self.written if address != new and at < first), default=float("-inf"))
        return first - last


class Visitors:
    """Threads that ask for `name` until they are stopped. A context manager."""

    def __init__(self, name: str, resolver: str, authority: Path) -> None:
        self.name, self.resolver, self.authority = name, resolver, authority
        self.told = Told()
        self._done = threading.Event()
        self._keeping = threading.Lock()
        acts: list[Callable[[], None]] = [functools.partial(self._write, place) for place in range(1, PLACES + 1)]
        paced = [(act, PAUSE) for act in (*acts, self._read, self._read)] + [(self._upload, UPLOAD_PAUSE)]
        self._threads = [threading.Thread(target=self._until_done, args=each, daemon=True) for each in paced]

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Have everybody finish."""
        self._done.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _until_done(self, act: Callable[[], None], pause: float) -> None:
        while not self._done.wait(pause * random.uniform(0.5, 1.5)):  # noqa: S311 - no secret
            act()

    def _ask(self, path: str, method: str = "GET", body: object = None) -> tuple[str, Answer]:
        addresses = resolve(self.name, self.resolver)
        if not addresses:
            raise OSError(f"{self.name} leads nowhere")
        address = random.choice(addresses)  # noqa: S311
        return address, Visitor(self.name, address, self.authority).https(path, method, body)

    def _write(self, place: int) -> None:
        number = self.told.sent[place] = self.told.sent.get(place, 0) + 1
        if self._taken("POST", "/api/notes/", {"number": place, "text": text_of(place, number)}):
            self.told.notes.setdefault(place, []).append(number)

    def _upload(self) -> None:
        name, content = f"move-{secrets.token_hex(6)}.bin", secrets.token_bytes(2000)
        if self._taken("POST", f"/api/uploads/?name={name}", content):
            self.told.uploads[name] = hashlib.sha256(content).hexdigest()

    def _taken(self, method: str, path: str, body: object) -> bool:
        """Whether it was; when, and where, or why not, is kept."""
        try:
            address, answer = self._ask(path, method, body)
        except (OSError, EOFError, ValueError) as error:
            with self._keeping:
                self.told.unanswered.append(f"{path}: {type(error).__name__}: {error}")
            return False
        with self._keeping:
            if 200 <= answer.status < 300:
                self.told.written.append((time.monotonic(), address))
                return True
            if answer.status == 503 and b"read-only" in answer.body:
                self.told.refused.append(time.monotonic())
            else:
                self.told.unanswered.append(f"{path}: status {answer.status}")
        return False

    def _read(self) -> None:
        for path in ("/", "/api/notes/"):
            try:
                _, answer = self._ask(path)
                problem = "" if answer.status == 200 else f"status {answer.status}"
            except (OSError, EOFError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            with self._keeping:
                self.told.read += 1
                if problem:
                    self.told.unread.append(f"{path}: {problem}")


def text_of(place: int, number: int) -> str:
    """What is written to a place as its visitor's so many-eth text."""
    return f"{place} written {number} times"


def number_of(text: str) -> int:
    """Which one it was."""
    return int(text.split()[2])
