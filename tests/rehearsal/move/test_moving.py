"""The rehearsal of a move holds where nothing is lost, and says what is lost where something is (DV10)."""

from __future__ import annotations

import copy
import functools
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plan.moving.derive import make_move
from rehearsal.checks.check import Result, eventually
from rehearsal.move import moving, visitors
from rehearsal.move.moving import Moving, back_again, let_go, rehearse
from rehearsal.move.operator import Operator, Ran
from rehearsal.run import Rehearsal
from rehearsal.visitor import Answer

REFUSED = Answer(503, {}, b"This site is read-only for a moment; nothing was changed.")


class Side:
    """One side of the product: its data, whether it takes writes, and where its uploads lie."""

    def __init__(self, where: str) -> None:
        self.where, self.shut = where, False
        self.notes: dict[int, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self._turn = threading.Lock()

    def ask(self, path: str, method: str, body: Any) -> Answer:
        with self._turn:
            if method == "POST" and self.shut:
                return REFUSED
            if method == "POST" and path.startswith("/api/uploads/"):
                self.uploads[path.partition("=")[2]] = body
                return Answer(201, {}, b"{}")
            if method == "POST":
                writes = self.notes.pop(body["number"], {"writes": 0})["writes"] + 1
                self.notes[body["number"]] = {**body, "writes": writes}
            return self._read(path)

    def _read(self, path: str) -> Answer:
        name = path.removeprefix("/api/uploads/")
        if name in self.uploads:
            return Answer(200, {}, self.uploads[name])
        if path == "/api/uploads/":
            return Answer(200, {}, json.dumps({"where": self.where}).encode())
        if name != path:
            return Answer(404, {}, b"{}")
        newest = list(self.notes.values())[-10:]
        return Answer(200, {}, json.dumps({"count": len(self.notes), "notes": newest}).encode())


class World:
    """Two sides, where the name leads to, and what the operator's lines do. `fault` is done instead of one."""

    def __init__(
        self,
        account: Path,
        monkeypatch: pytest.MonkeyPatch,
        verb: str = "",
        fault: Callable[[World], None] | None = None,
    ) -> None:
        self.account, self.hosts = account, ["devora-vps", "devora-fleet-1"]
        (account / "account.json").write_text(json.dumps({"networks": {"7": {"name": "devora-vps-vpc"}}}))
        self.sides = {"old": Side("disk"), "new": Side("bucket")}
        self.leads_to = "old"
        self.verbs: dict[str, Callable[[], None]] = {
            "shut": lambda: self._shut("old", True),
            "reopen": lambda: self._shut("old", False),
            "make read-only STACK=devora-fleet ON=1": lambda: self._shut("new", True),
            "time bring_documents": lambda: self._bring("old", "new", "notes"),
            "time bring_uploads": lambda: self._bring("old", "new", "uploads"),
            "move_names": lambda: self._lead("new"),
            "THERE=$OLD; OLD=$NEW NEW=$THERE bring_documents": lambda: self._bring("new", "old", "notes"),
            "pulumi config set --path slipway:dns.records true -s devora-vps": lambda: self._lead("old"),
            "make read-only STACK=devora-fleet ON=0": lambda: self._shut("new", False),
            "pulumi destroy -s devora-vps --exclude-protected": lambda: self.hosts.remove("devora-vps"),
            "pulumi destroy -s devora-vps": lambda: (account / "account.json").unlink(),
        }
        if fault is not None:
            self.verbs[verb] = functools.partial(fault, self)
        for module in (visitors, moving):
            monkeypatch.setattr(module, "resolve", lambda name, resolver: [self.leads_to])
        monkeypatch.setattr(visitors, "PAUSE", 0.01)
        monkeypatch.setattr(visitors, "UPLOAD_PAUSE", 0.01)
        monkeypatch.setattr(moving, "AFTER", 0.2)
        monkeypatch.setattr(moving, "UPLOADS", 3)
        for module in (visitors, moving):
            monkeypatch.setattr(module, "Visitor", self._visitor)

    def _visitor(self, name: str, address: str, authority: Path) -> Any:
        def https(path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
            return self.sides[address].ask(path, method, body)

        return SimpleNamespace(https=https)

    def _shut(self, side: str, shut: bool) -> None:
        self.sides[side].shut = shut

    def _bring(self, source: str, target: str, what: str) -> None:
        setattr(self.sides[target], what, copy.deepcopy(getattr(self.sides[source], what)))

    def _lead(self, side: str) -> None:
        self.leads_to = side

    def run(self, line: str) -> Ran:
        """What the operator's shell would."""
        for part in line.split(" && "):
            self.verbs.get(part, lambda: None)()
        return Ran(0, "read-only since today" if self.sides["old"].shut else "", 0.1)

    def rehearsed(self) -> list[str]:
        """What did not hold."""
        result = Result(10, "a move")
        old, new = (self._rehearsal(side) for side in ("old", "new"))
        move = make_move("devora-vps", "devora-fleet")
        made = Moving(move, old, new, cast(Operator, self), Path("authority.pem"), result)
        back_again(made, rehearse(made))
        let_go(made)
        return [line.text for line in result.lines if not line.holds]

    def _rehearsal(self, address: str) -> Rehearsal:
        hosts = lambda: [SimpleNamespace(name=name) for name in self.hosts]  # noqa: E731
        told = {
            "cloud": SimpleNamespace(resolver_address="192.0.2.53", hosts=hosts),
            "workspace": SimpleNamespace(account=self.account),
            "outputs": lambda: {"address": address},
            "show": lambda line: None,
            "open_again": lambda: None,
        }
        return cast(Rehearsal, SimpleNamespace(**told))


def test_a_move_that_loses_nothing_holds_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(tmp_path, monkeypatch).rehearsed() == []


def forget_a_note(world: World) -> None:
    """A dump from before the last writes."""
    notes = copy.deepcopy(world.sides["old"].notes)
    world.sides["new"].notes = {place: note for place, note in notes.items() if place != 3}


def forget_uploads(world: World) -> None:
    world.sides["new"].uploads = dict(list(world.sides["old"].uploads.items())[1:])


def lose_the_zone(world: World) -> None:
    world.leads_to = "nowhere"
    world.sides["nowhere"] = Side("nowhere")


def nothing(world: World) -> None:
    """The command says that all is well."""


@pytest.mark.parametrize(
    ("verb", "fault", "said"),
    [
        ("time bring_documents", forget_a_note, "notes that were taken are on the new side"),
        ("time bring_uploads", forget_uploads, "from before are on the new side"),
        ("move_names", nothing, "nobody could write for"),
        ("reopen", nothing, "`reopen` is the way back"),
        ("shut", nothing, "while it is shut, writes are refused"),
        ("THERE=$OLD; OLD=$NEW NEW=$THERE bring_documents", nothing, "it is on the old side now"),
        ("make read-only STACK=devora-fleet ON=1", nothing, "the new one is not"),
        ("make read-only STACK=devora-fleet ON=0", nothing, "each was answered well"),
        ("pulumi destroy -s devora-vps --exclude-protected", nothing, "things none is left"),
        ("pulumi destroy -s devora-vps", nothing, "things none is left"),
        ("pulumi destroy -s devora-vps", lose_the_zone, "lead to the new side"),
        ("pulumi destroy -s devora-vps", lose_the_zone, "by devora-fleet alone"),
    ],
)
def test_what_goes_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, fault: Callable[[World], None], said: str
) -> None:
    monkeypatch.setattr(moving, "eventually", lambda condition, seconds, every=0.05: eventually(condition, 1, 0.05))
    broken = World(tmp_path, monkeypatch, verb, fault).rehearsed()
    assert [line for line in broken if said in line], broken
