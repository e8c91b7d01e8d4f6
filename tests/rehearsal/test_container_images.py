"""An image is built once for what is in it, and anew when anything of that is otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rehearsal.container_images import container_image


class Engine:
    """A container engine that remembers what it was asked to build."""

    def __init__(self) -> None:
        self.contexts: dict[str, dict[str, str]] = {}
        self.arguments: list[Mapping[str, str]] = []

    def inspect(self, thing: str, kind: str) -> dict[str, Any] | None:
        assert kind == "image"
        return {"Id": thing} if thing in self.contexts else None

    def build(self, context: Path, tag: str, arguments: Mapping[str, str], labels: Sequence[str]) -> None:
        files = [path for path in context.rglob("*") if path.is_file()]
        self.contexts[tag] = {str(path.relative_to(context)): path.read_text() for path in files}
        self.arguments.append(arguments)
        assert labels

    def call(self, *arguments: str, check: bool) -> None:
        assert arguments[:2] == ("image", "prune")
        assert any(argument.startswith("label=") for argument in arguments), "nobody else's images"


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "backend"
    made.mkdir()
    (made / "Containerfile").write_text("FROM x\n")
    (made / "run").write_text("one\n")
    return made


def build(engine: Engine, *directories: Path, base: str = "base:1") -> str:
    return container_image(engine, "toy", directories, {"BASE": base}, lambda line: None)  # type: ignore[arg-type]


def test_the_same_is_built_once(engine: Engine, directory: Path) -> None:
    assert build(engine, directory) == build(engine, directory)
    assert len(engine.arguments) == 1


def test_another_content_mode_or_base_is_another_image(engine: Engine, directory: Path) -> None:
    tags = {build(engine, directory), build(engine, directory, base="base:2")}
    (directory / "run").chmod(0o755)
    tags.add(build(engine, directory))
    (directory / "run").write_text("two\n")
    tags.add(build(engine, directory))
    (directory / "run").rename(directory / "go")
    tags.add(build(engine, directory))
    assert len(tags) == len(engine.contexts) == 5


def test_a_variant_lies_over_the_product(engine: Engine, directory: Path, tmp_path: Path) -> None:
    over = tmp_path / "variant"
    over.mkdir()
    (over / "run").write_text("broken\n")
    tag = build(engine, directory, over)
    assert engine.contexts[tag] == {"Containerfile": "FROM x\n", "run": "broken\n"}
    assert (directory / "run").read_text() == "one\n"


def test_what_was_built_in_it_stays_out(engine: Engine, directory: Path) -> None:
    before = build(engine, directory)
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__" / "run.pyc").write_text("")
    assert build(engine, directory) == before


def test_the_builder_goes_by_this_machines_proxy(
    engine: Engine, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALL5; the image is the same one wherever it was built."""
    before = build(engine, directory)
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    assert build(engine, directory) == before
    engine.contexts.clear()
    build(engine, directory)
    assert engine.arguments[-1]["https_proxy"] == "http://proxy.example.com:3128"
    assert "ghcr.io" in engine.arguments[-1]["no_proxy"]
