"""What a build's commands have in their environment."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from scripts.host.building import Building


class _Commands:
    """Notes the environment of each command instead of running it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environments: list[dict[str, str]] = []

    def base(self) -> dict[str, str]:
        return {"HOME": str(self.home), "SLIPWAY_COORDINATOR": "token-of-this-release"}

    def logged(self, argv: list[str], **options: Any) -> None:
        self.environments.append(options["environment"])


def test_no_variable_of_the_product_covers_a_mark_of_ours(tmp_path: Path) -> None:
    (tmp_path / "src" / "backend").mkdir(parents=True)
    service = SimpleNamespace(
        name="api", role="web", directory="backend", build=["make"], output=None, environment={"SLIPWAY_SLOT": "none"}
    )
    commands = _Commands(tmp_path)
    marks = {"SLIPWAY_RELEASE": "20261121T101500-3f2c9d0e", "SLIPWAY_SLOT": "green"}
    config = cast(Any, SimpleNamespace(services=[service]))
    building = Building(cast(Any, commands), config, tmp_path, marks)
    building.build(
        {"SLIPWAY_RELEASE": "other", "SLIPWAY_COORDINATOR": "other", "PATH": "/tmp", "CI": "false", "A": "b"}
    )
    (environment,) = commands.environments
    assert {key: environment[key] for key in marks} == marks
    assert environment["SLIPWAY_COORDINATOR"] == "token-of-this-release"
    assert environment["PATH"].startswith(f"{tmp_path}/venv/bin:")
    assert (environment["CI"], environment["A"]) == ("false", "b")  # the rest is the product's to say
