"""Files and directories reach a host over SFTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rehearsal.provider.values import ARCHIVE, ASSET, SIGNATURE, Properties

COPY = "command:remote:CopyToRemote"


@pytest.mark.parametrize("case", ["text", "file", "directory", "contents", "bundle"])
def test_it_copies_what_it_is_given(command: Any, server: Any, tmp_path: Path, case: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "inner").mkdir(parents=True)
    (source / "one").write_text("1")
    (source / "inner" / "two").write_text("2")
    text = {SIGNATURE: ASSET, "hash": "h", "text": "hello"}
    given: dict[str, tuple[Properties, str, dict[str, str]]] = {
        "text": (text, "file", {"file": "hello"}),
        "file": ({SIGNATURE: ASSET, "hash": "h", "path": str(source / "one")}, "file", {"file": "1"}),
        "directory": (
            {SIGNATURE: ARCHIVE, "hash": "h", "path": str(source)},
            "",
            {"source/one": "1", "source/inner/two": "2"},
        ),
        "contents": ({SIGNATURE: ARCHIVE, "hash": "h", "path": f"{source}/"}, "", {"one": "1", "inner/two": "2"}),
        "bundle": ({SIGNATURE: ARCHIVE, "hash": "h", "assets": {"a/b": text}}, "", {"a/b": "hello"}),
    }
    asset, path, expected = given[case]
    inputs = {"connection": server.connection(), "source": asset, "remotePath": str(target / path)}
    command.create(COPY, inputs)
    assert {name: (target / name).read_text() for name in expected} == expected


def test_it_copies_again_only_for_another_hash_or_path(command: Any, server: Any, tmp_path: Path) -> None:
    """facts: a new host alone copies nothing."""
    text = {SIGNATURE: ASSET, "hash": "h", "text": "hello"}
    inputs = {"connection": server.connection(), "source": text, "remotePath": str(tmp_path / "file")}
    identifier, state = command.create(COPY, inputs)
    command.update(COPY, identifier, state, {**inputs, "connection": server.connection(user="other")})
    assert command.store.read()["counts"]["connections"] == {"127.0.0.1": 1}
    command.update(COPY, identifier, state, {**inputs, "source": {**text, "hash": "i", "text": "bye"}})
    assert (tmp_path / "file").read_text() == "bye"
