"""Visitors remember what they were told while a product moves, and count what they were not told as unknown."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rehearsal.move import visitors
from rehearsal.move.visitors import PLACES, Told, Visitors, number_of, resolve, text_of
from rehearsal.visitor import Answer

REFUSAL = b"This site is read-only for a moment; nothing was changed."


@contextmanager
def resolver(monkeypatch: pytest.MonkeyPatch, *addresses: str, deaf: int = 0) -> Iterator[list[bytes]]:
    """A resolver that knows these addresses, after a name that leads on; it does not hear the first questions."""
    asked: list[bytes] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    real = socket.socket.sendto

    def sendto(this: socket.socket, data: bytes, to: tuple[str, int]) -> int:
        return real(this, data, server.getsockname() if to[1] == 53 else to)

    def answer() -> None:
        while True:
            try:
                data, peer = server.recvfrom(4096)
            except OSError:
                return
            asked.append(data)
            if len(asked) > deaf:
                alias = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 1, 2) + b"\xc0\x10"
                found = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(each) for each in addresses]
                head = data[:2] + struct.pack(">HHHHH", 0x8180, 1, len(found) + 1, 0, 0)
                server.sendto(head + data[12:] + alias + b"".join(found), peer)

    monkeypatch.setattr(socket.socket, "sendto", sendto, raising=False)
    threading.Thread(target=answer, daemon=True).start()
    yield asked
    server.close()


def test_a_name_leads_to_all_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with resolver(monkeypatch, "198.18.0.4", "198.18.0.9") as asked:
        assert resolve("devora.example.com", "127.0.0.1") == ["198.18.0.4", "198.18.0.9"]
        assert b"\x06devora\x07example\x03com\x00" in asked[0]


def test_a_resolver_that_restarts_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with resolver(monkeypatch, "198.18.0.4", deaf=1) as asked:
        assert resolve("devora.example.com", "127.0.0.1") == ["198.18.0.4"]
    assert len(asked) == 2


class Product:
    """Two sides; the old one is shut after a while, then the name leads to the new one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.address, self.shut = "old", False
        self.taken: Counter[str] = Counter()
        monkeypatch.setattr(visitors, "Visitor", self._visitor)
        monkeypatch.setattr(visitors, "resolve", lambda name, resolver: [self.address])
        monkeypatch.setattr(visitors, "PAUSE", 0.01)
        monkeypatch.setattr(visitors, "UPLOAD_PAUSE", 0.01)

    def _visitor(self, name: str, address: str, authority: Path) -> Any:
        product = self

        class Asking:
            def https(self, path: str, method: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
                if method == "POST" and product.shut:
                    return Answer(503, {}, REFUSAL)
                if method == "POST":
                    product.taken[address] += 1
                return Answer(201 if "uploads" in path else 200, {}, b"{}")

        return Asking()


def test_the_window_is_from_the_last_write_on_one_side_to_the_first_on_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = Product(monkeypatch)
    with Visitors("devora.example.com", "192.0.2.53", Path("authority.pem")) as people:
        time.sleep(0.3)
        product.shut = True
        time.sleep(0.5)
        product.address, product.shut = "new", False
        time.sleep(0.3)
    told = people.told
    assert 0.4 < told.window("new") < 1.5
    assert told.refused
    assert told.read > 0
    assert (told.unread, told.unanswered) == ([], [])
    assert len(told.written) == sum(product.taken.values()) == sum(map(len, told.notes.values())) + len(told.uploads)
    assert set(told.notes) == set(range(1, PLACES + 1))
    assert all(taken == sorted(taken) for taken in told.notes.values())


def test_what_goes_wrong_is_told_apart_from_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    product = Product(monkeypatch)
    monkeypatch.setattr(visitors, "resolve", lambda name, resolver: [])
    with Visitors("devora.example.com", "192.0.2.53", Path("authority.pem")) as people:
        time.sleep(0.2)
    assert people.told.unread[0].endswith("OSError: devora.example.com leads nowhere")
    assert people.told.unanswered
    assert not people.told.refused
    assert not product.taken


def test_without_a_write_on_the_new_side_there_is_no_end_of_the_window() -> None:
    told = Told(written=[(1.0, "old"), (2.0, "old")])
    assert told.window("new") == float("inf")
    told.written += [(7.5, "new"), (8.0, "new"), (9.0, "old")]
    assert told.window("new") == 5.5


def test_a_text_tells_which_one_it_was() -> None:
    assert number_of(text_of(4, 17)) == 17
