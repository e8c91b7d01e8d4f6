"""The move of a product with its data, from nothing over the way back to the end of the old side, and what has to hold
on the way.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from plan.moving.derive import make_move
from plan.moving.move import Move, Step
from rehearsal.checks.check import Result, eventually
from rehearsal.move.operator import Operator, Ran, new_key
from rehearsal.move.visitors import PLACES, Told, Visitors, number_of, resolve, text_of
from rehearsal.provider.store import Store
from rehearsal.run import Rehearsal, RehearsalError
from rehearsal.visitor import Visitor
from rehearsal.workspace import state_home

UPLOADS = 40
LONGEST_WINDOW = 120.0
"""Seconds. What is in the way of writing is a dump, a copy of what is new, and one update of the new stack."""
AFTER = 10.0
"""Seconds that visitors go on after the names have moved, and between a try and the cutover."""
ANSWERS_WITHIN = 120.0


@dataclass
class Moving:
    """Two stacks side by side, the operator's shell, and what the move is."""

    move: Move
    old: Rehearsal
    new: Rehearsal
    operator: Operator
    authority: Path
    result: Result
    uploads: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What visitors ask for."""
        return self.move.after.settings.product.domain

    def at(self, side: Rehearsal) -> Visitor:
        """A visitor of one side, whatever the names say."""
        return Visitor(self.name, str(side.outputs()["address"]), self.authority)

    def type(self, line: str) -> Ran:
        """Have the operator type a line. RehearsalError where it fails, after it was noted."""
        self.new.show(f"$ {line}")
        ran = self.operator.run(line)
        for said in ran.said.splitlines():
            self.new.show(f"  | {said}")
        what = line if len(line) < 100 else f"{line[:97]}…"
        if not self.result.expect(f"`{what}` ends well", ran.code == 0, ran.said[-600:]):
            raise RehearsalError(f"`{what}` ended with {ran.code}: {ran.said[-300:]}")
        return ran

    def take(self, step: Step) -> None:
        """All commands of a step."""
        self.new.show(step.title)
        for line in step.commands:
            self.type(line)


@contextmanager
def side_by_side(before: str, after: str, show: Callable[[str], None], result: Result) -> Iterator[Moving]:
    """The old stack up and serving, the new one still nothing; both are gone at the end."""
    move = make_move(before, after)
    home = state_home() / f"{after}-operator"
    changes = {"access.ssh_keys": [new_key(home)]}
    old = Rehearsal(before, show, changes=changes)
    with old, Rehearsal(after, show, beside=old, changes=changes) as new:
        old.down()
        try:
            old.up()
            new.prepare()
            authority = home / "acme.pem"
            authority.write_text(old.cloud.test_authority_pem())
            with Operator(home, (old, new), old.cloud.authorities_pem()) as operator:
                yield Moving(move, old, new, operator, authority, result)
        finally:
            try:
                new.down()
            finally:
                old.down()
                shutil.rmtree(home, ignore_errors=True)


def rehearsed_move(before: str, after: str, show: Callable[[str], None]) -> Result:
    """The whole of it. What is in the way of going on is an expectation that did not hold."""
    result = Result(10, f"{before} moves to {after}, and back")
    begun = time.monotonic()
    with side_by_side(before, after, show, result) as moving:
        try:
            back_again(moving, rehearse(moving))
            let_go(moving)
        except (RehearsalError, OSError, ValueError, KeyError) as error:
            result.expect("the move could be rehearsed to its end", False, f"{type(error).__name__}: {error}")
    result.seconds = time.monotonic() - begun
    return result


def rehearse(moving: Moving) -> Told:
    """Every step up to the last one; and back, before it is too late and after. What visitors were told until then."""
    result, move = moving.result, moving.move
    _seed(moving)
    *steps, cutover, _ = move.steps
    resolver = moving.old.cloud.resolver_address
    with Visitors(moving.name, resolver, moving.authority) as visitors:
        for step in steps:
            moving.take(step)
        *definitions, line = cutover.commands
        for definition in definitions:
            moving.type(definition)
        _tried_and_left(moving, visitors, line)
        ran = moving.type(line)
        time.sleep(AFTER)
        visitors.stop()
    told = visitors.told
    new = str(moving.new.outputs()["address"])
    seconds = told.window(new)
    result.expect(
        f"nobody could write for {seconds:.1f} s, once; the line itself took {ran.seconds:.0f} s",
        0 < seconds < LONGEST_WINDOW,
        f"{len(told.written)} written, at { ({address for _, address in told.written}) }",
    )
    result.expect(f"{len(told.refused)} writes were refused, with a 503 that says why", bool(told.refused))
    result.expect(f"{told.read} reads: each was answered", told.read > 0 and not told.unread, told.unread[:5])
    result.expect("every write was answered", not told.unanswered, told.unanswered[:5])
    _expect_everything(moving, moving.new, told, "on the new side")
    return told


def _seed(moving: Moving) -> None:
    """What was there before anybody thought of moving."""
    visitor = moving.at(moving.old)
    eventually(lambda: visitor.https("/api/").status == 200, ANSWERS_WITHIN)
    for _ in range(UPLOADS):
        name, content = f"old-{secrets.token_hex(6)}.bin", secrets.token_bytes(20_000)
        if visitor.https(f"/api/uploads/?name={name}", "POST", content).status == 201:
            moving.uploads[name] = hashlib.sha256(content).hexdigest()
    for place in range(PLACES + 1, 101):
        visitor.https("/api/notes/", "POST", {"number": place, "text": text_of(place, 1)})
    kept = visitor.https("/api/notes/").json()["count"]
    whole = len(moving.uploads) == UPLOADS and kept >= 100 - PLACES
    moving.result.expect(
        f"{kept} notes and {UPLOADS} uploads are there before", whole, f"{len(moving.uploads)} uploads"
    )


def _tried_and_left(moving: Moving, visitors: Visitors, line: str) -> None:
    """All of the cutover but the names, and then back: the old side goes on as if nothing had been."""
    shut, *bringing = (part for part in line.split(" && ") if part != "move_names")
    moving.type(" && ".join([shut, *bringing]))
    refused = eventually(lambda: bool(visitors.told.refused), 10, 0.1)
    moving.result.expect("while it is shut, writes are refused", refused)
    said = moving.type('ssh "ops@$OLD" "sudo slipway status"').said
    moving.result.expect("`slipway status` says that the old side is read-only", "read-only since" in said, said)
    moving.type("reopen")
    opened = time.monotonic()
    old = str(moving.old.outputs()["address"])

    def written_again() -> bool:
        return any(at > opened and address == old for at, address in list(visitors.told.written))

    moving.result.expect("before the names move, `reopen` is the way back", eventually(written_again, 30, 0.1))
    time.sleep(AFTER)


def _expect_everything(moving: Moving, side: Rehearsal, told: Told, where: str, uploads: bool = True) -> None:
    """Every write that was answered well is there."""
    visitor = moving.at(side)
    found = visitor.https("/api/notes/").json()
    notes = {note["number"]: note for note in found["notes"]}
    lost = []
    for place, taken in told.notes.items():
        note = notes.get(place)
        if note is None or number_of(note["text"]) < taken[-1] or note["writes"] < len(taken):
            lost.append(f"{place}: {note} is older than {taken[-1]}, written {len(taken)} times")
    writes = sum(len(taken) for taken in told.notes.values())
    moving.result.expect(f"{writes} notes that were taken are {where}", writes > 0 and not lost, lost)
    moving.result.expect(f"all {found['count']} places are {where}", found["count"] == 100, found["count"])
    if uploads:
        wanted = {**moving.uploads, **told.uploads}
        wrong = [name for name, digest in wanted.items() if _digest(visitor, name) != digest]
        moving.result.expect(
            f"{len(told.uploads)} uploads since and {len(moving.uploads)} from before are {where}",
            bool(told.uploads) and not wrong,
            wrong[:5],
        )
        bucket = visitor.https("/api/uploads/").json()["where"]
        moving.result.expect("the uploads lie in the bucket", bucket == "bucket", bucket)


def _digest(visitor: Visitor, name: str) -> str:
    answer = visitor.https(f"/api/uploads/{name}")
    return hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else f"status {answer.status}"


def back_again(moving: Moving, told: Told) -> None:
    """After the names have moved: what was written since goes back to the old side, which serves again."""
    visitor = moving.at(moving.new)
    place = PLACES + 1
    wrote = visitor.https("/api/notes/", "POST", {"number": place, "text": text_of(place, 2)})
    moving.result.expect("somebody writes on the new side alone", wrote.status == 200, wrote.status)
    old, new = moving.move.before.settings.stack, moving.move.after.settings.stack
    moving.type(f"make read-only STACK={new} ON=1")
    moving.type("THERE=$OLD; OLD=$NEW NEW=$THERE bring_documents")
    moving.type("reopen")
    for stack, records in ((old, "true"), (new, "false")):
        moving.type(f"pulumi config set --path slipway:dns.records {records} -s {stack} && pulumi up -s {stack}")
    found = {note["number"]: note["text"] for note in moving.at(moving.old).https("/api/notes/").json()["notes"]}
    moving.result.expect("it is on the old side now", found.get(place) == text_of(place, 2), found)
    _expect_everything(moving, moving.old, told, "back on the old side", uploads=False)
    taken = moving.at(moving.old).https("/api/notes/", "POST", {"number": place, "text": text_of(place, 3)}).status
    refused = moving.at(moving.new).https("/api/notes/", "POST", {"number": place, "text": text_of(place, 4)}).status
    moving.result.expect("the old side is written to again, the new one is not", (taken, refused) == (200, 503))


def let_go(moving: Moving) -> None:
    """The names move once more, for good, and the old side goes while visitors write and read."""
    old, new = moving.move.before.settings.stack, moving.move.after.settings.stack
    cutover, last = moving.move.steps[-2:]
    moving.type(f"make read-only STACK={new} ON=0")
    moving.type(cutover.commands[-1])
    address = {side: str(rehearsal.outputs()["address"]) for side, rehearsal in ((old, moving.old), (new, moving.new))}
    there = _owned(moving, old, address[old])
    resolver = moving.old.cloud.resolver_address
    with Visitors(moving.name, resolver, moving.authority) as visitors:
        time.sleep(AFTER)
        moving.take(last)
        moving.old.open_again()
        time.sleep(AFTER)
        visitors.stop()
    told = visitors.told
    well = told.read > 0 and not (told.unread or told.unanswered or told.refused)
    seen = [*told.unread[:5], *told.unanswered[:5], *told.refused[:5]]
    what = f"{told.read} reads and {len(told.written)} writes"
    moving.result.expect(f"{what} while {old} goes: each was answered well", well, seen)
    answered = {at for _, at in told.written}
    moving.result.expect(f"by {new} alone", answered == {address[new]}, answered)
    left = _owned(moving, old, address[old])
    moving.result.expect(f"of {old}'s {len(there)} things none is left", bool(there) and not left, left)
    leads = resolve(moving.name, resolver)
    moving.result.expect("the names are there, and lead to the new side", leads == [address[new]], leads)
    _expect_everything(moving, moving.new, told, "on the side that is left")


def _owned(moving: Moving, stack: str, address: str) -> list[str]:
    """What the account and the cloud have of a stack, by its name or its address."""
    tables = Store(moving.old.workspace.account).read().tables
    there = [(kind, record) for kind, table in tables.items() if kind != "counts" for record in table.values()]
    there += [("host", {"name": host.name}) for host in moving.old.cloud.hosts()]
    texts = ((kind, json.dumps(record)) for kind, record in there)
    return sorted(kind for kind, text in texts if f'"{stack}' in text or f'"{address}"' in text)
