"""The account that all plugins of a rehearsal share."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rehearsal.provider.store import Store


def test_changes_from_many_sides_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Store(tmp_path).count("connections", "host"), range(100)))
    assert Store(tmp_path).read()["counts"]["connections"] == {"host": 100}


def test_a_change_that_fails_leaves_the_account_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction() as account:
        account["vpcs"]["1"] = {"name": "net"}

    def break_off() -> None:
        with store.transaction() as account:
            account["vpcs"].clear()
            raise ValueError

    with pytest.raises(ValueError):
        break_off()
    assert store.read()["vpcs"] == {"1": {"name": "net"}}


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.count("connections", "host")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
