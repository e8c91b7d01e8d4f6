"""The ledger is only added to, survives a line cut off by a power loss, and names what to return to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.host import ledger as ledgers
from scripts.host.ledger import Ledger
from scripts.host.release import rollback_target
from scripts.host.run import HostError

A, B, C = "20261121T100000-aaaaaaaa", "20261121T110000-bbbbbbbb", "20261121T120000-cccccccc"


def write(ledger: Ledger, release: str, outcome: str, **facts: str) -> None:
    """One whole attempt."""
    ledger.append("started", release=release, commit="c" * 40, revision="1", owner="t", kind="release", slot="blue")
    ledger.append("step", release=release, step="fetch", seconds=1.0)
    ledger.append(outcome, release=release, **facts)


def test_a_line_that_was_cut_off_takes_no_other_with_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    write(ledger, A, "released")
    with ledger.path.open("a") as file:
        file.write('{"at": "2026-11-21T11:0')
    write(ledger, B, "released")
    assert [summary.release for summary in ledger.released()] == [A, B]
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_a_line_is_written_whole_or_not_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near a full disk a write may be short."""
    ledger, write_all = Ledger(tmp_path), os.write
    monkeypatch.setattr("os.write", lambda descriptor, data: write_all(descriptor, data[:20]))
    write(ledger, A, "released")
    assert [summary.release for summary in ledger.released()] == [A]


def test_each_attempt_has_its_own_outcome(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    write(ledger, A, "released")
    write(ledger, B, "failed", step="health", reason="503")
    write(ledger, A, "released")
    ledger.append("started", release=C, commit="c" * 40, revision="1", owner="t", kind="release", slot="blue")
    assert [(one.release, one.outcome) for one in ledger.summaries()] == [
        (A, "released"),
        (B, "failed"),
        (A, "released"),
        (C, "under way"),
    ]


def test_a_rollback_goes_to_what_served_before(tmp_path: Path) -> None:
    """FF8: make rollback takes the ledger's previous one; a failed one never served."""
    ledger = Ledger(tmp_path)
    write(ledger, A, "released")
    write(ledger, B, "released")
    write(ledger, C, "failed", step="build", reason="no")
    assert rollback_target(ledger.released(), B, None).release == A
    write(ledger, A, "released")
    assert rollback_target(ledger.released(), A, None).release == B
    assert rollback_target(ledger.released(), A, B).release == B
    for named, reason in ((C, "never served"), ("../../etc", "is not a release"), (C[:-1] + "0", "never")):
        with pytest.raises(HostError, match=reason):
            rollback_target(ledger.released(), A, named)
    with pytest.raises(HostError, match="no release before"):
        rollback_target([one for one in ledger.released() if one.release == A], A, None)


def test_people_and_programs_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledgers.main([], tmp_path) == 0
    assert "no release yet" in capsys.readouterr().out
    write(Ledger(tmp_path), A, "failed", step="health", reason="api: answered 503")
    ledgers.main([], tmp_path)
    assert "failed at step health: api: answered 503" in capsys.readouterr().out
    ledgers.main(["--json"], tmp_path)
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["started", "step", "failed"]
