"""Whether what is encrypted elsewhere is as it was: by a hash, and with the real engine (SF5, ADR 14)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random as random
import pytest

from architectures import revision
from architectures.revision import Revision, digest, revise
from plan.program import run
from rehearsal.run import Rehearsal

FILLED = {"variables": {"web": {"KEY": "one"}}}
KEPT = {"variables": {"web": {"KEY": "EV[1:one]"}}}


def test_nobody_makes_the_hash_without_the_key() -> None:
    assert digest("a key", FILLED) == digest("a key", FILLED)
    assert digest("a key", FILLED) != digest("another", FILLED)
    assert len(digest("a key", FILLED)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"variables": {"web": {"KEY": "two"}}},
        {"variables": {"web": {"OTHER": "one"}}},
        {"variables": {"web": {"KEY": "one", "MORE": ""}}},
        {"variables": {"web": {"KEY": "one"}, "queue": {"KEY": "one"}}},
        {"credentials": {"web": "reader:a-token"}},
    ],
    ids=["a value", "a name", "one more", "another component", "the registry's login"],
)
def test_another_secret_is_another_hash(change: Mapping[str, Any]) -> None:
    assert digest("a key", {**FILLED, **change}) != digest("a key", FILLED)


def _revised(monkeypatch: pytest.MonkeyPatch, last: Any, filled: Any = FILLED) -> tuple[Revision, str]:
    """What is found where the last update exported `last` as its hash, and the hash of it."""
    found: list[tuple[Revision, str]] = []
    exported = {revision.OUTPUT: last, revision.ENCRYPTED: KEPT if last else None}
    monkeypatch.setattr(revision, "_last", lambda: pulumi.Output.secret(exported))

    def declare() -> None:
        async def rest() -> None:
            made = await revise("shop", pulumi.Output.secret(filled))
            found.append((made, str(await made.text.future())))
            assert not await made.text.is_secret(), "it is shown"

        pulumi.run(rest)

    run(declare, "test", {}, frozenset())
    return found[0]


def test_the_first_update_has_nothing_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _revised(monkeypatch, None)[0].kept is None


def test_only_the_same_secrets_are_as_they_were_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _, before = _revised(monkeypatch, None)
    assert _revised(monkeypatch, before)[0].kept == KEPT
    changed = {**FILLED, "variables": {"web": {"KEY": "two"}}}
    assert _revised(monkeypatch, before, changed)[0].kept is None


def _not_known_yet() -> pulumi.Output[Any]:
    value, known = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
    value.set_result(None)
    known.set_result(False)
    return pulumi.Output(set(), value, known)


def test_what_is_known_only_later_counts_as_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a preview, a password that is to be made is not known, and two of them are not the same."""
    found: list[bool] = []
    monkeypatch.setattr(revision, "_last", lambda: pulumi.Output.from_input(None))

    def declare() -> None:
        async def rest() -> None:
            found.append((await revise("shop", _not_known_yet())).kept is not None)

        pulumi.run(rest)

    run(declare, "test", {}, frozenset())
    assert found == [False]


def test_the_engine_tells_a_stack_what_its_own_last_update_had(tmp_path: Path) -> None:
    """Made, the same again, another secret, the same again; and one update that fails after it knew the hash."""
    secret, fails, found = ["one"], [False], []

    def declare() -> None:
        async def rest() -> None:
            made = random.RandomPassword("it", length=12, special=False)
            filled = pulumi.Output.secret(made.result.apply(lambda text: {"made": text, "said": secret[0]}))
            known = await revise("it", filled)
            found.append(known.kept)
            if fails[0]:
                raise pulumi.RunError("the deployment failed")
            pulumi.export(revision.OUTPUT, known.after(made.id))
            pulumi.export(revision.ENCRYPTED, pulumi.Output.secret(KEPT))

        pulumi.run(rest)

    said: list[str] = []
    with Rehearsal("familyflow", said.append, program=declare, config={}, home=tmp_path).on_paper() as rehearsal:
        rehearsal.prepare()
        assert rehearsal._engine is not None
        first = rehearsal._engine.up().outputs[revision.OUTPUT].value
        assert rehearsal._engine.up().outputs[revision.OUTPUT].value == first
        secret[0] = "two"
        fails[0] = True
        with pytest.raises(Exception, match="the deployment failed"):
            rehearsal._engine.up()
        fails[0] = False
        second = rehearsal._engine.up().outputs[revision.OUTPUT].value
        assert second != first
        rehearsal._engine.up()
        rehearsal.down()
    assert found == [None, KEPT, None, None, KEPT]
