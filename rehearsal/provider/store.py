"""What the stand-in cloud remembers between calls: one JSON file, because the engine runs several plugins at once."""

from __future__ import annotations

import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Table = dict[str, Record]


class Account:
    """The tables of one moment. What is changed inside `Store.transaction` is kept when the block ends well."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self.tables: defaultdict[str, Table] = defaultdict(dict, tables)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def __setitem__(self, name: str, table: Table) -> None:
        self.tables[name] = table

    def count(self, name: str, key: str, by: int = 1) -> None:
        """Adds to a counter: `counts[name][key]`."""
        row = self.tables["counts"].setdefault(name, {})
        row[key] = row.get(key, 0) + by


class Store:
    """A directory's `account.json`, read and written under a lock that holds between processes and between threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "account.json"

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """One at a time, over all plugins: for work on the local cloud that follows from the whole account."""
        handle = os.open(self._directory / f"{what}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def transaction(self) -> Iterator[Account]:
        """Everything inside happens at once for all others; an exception leaves the account as it was."""
        with self.exclusive("account"):
            account = self.read()
            before = json.dumps(account.tables, indent=1, sort_keys=True)
            yield account
            after = json.dumps(
                {name: table for name, table in account.tables.items() if table}, indent=1, sort_keys=True
            )
            if after != before:
                self._write(after)

    def _write(self, text: str) -> None:
        beside = self._file.with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        beside.replace(self._file)

    def read(self) -> Account:
        """The account now, to look at. The file is replaced as a whole, so that no lock is needed."""
        try:
            return Account(json.loads(self._file.read_text()))
        except FileNotFoundError:
            return Account({})

    def count(self, name: str, key: str) -> None:
        """Adds one to `counts[name][key]`: connections opened per host, for one."""
        with self.transaction() as account:
            account.count(name, key)
