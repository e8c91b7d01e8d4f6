"""A stack file that says only how it differs from another (SF9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import config as store

from settings import stackfile
from settings.like import merged
from settings.load import load
from settings.parse import parse
from settings.problems import SettingsError
from tests.settings.stack import ROOT, SECRETS_OF, good


@pytest.mark.parametrize(
    ("rest", "own", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}, "c": 1}, {"a": None}, {"c": 1}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
        ({}, {"a": None}, {}),
    ],
    ids=["both", "inside", "a list whole", "taken out", "taken out inside", "another thing", "not there anyway"],
)
def test_a_file_lies_over_the_other(rest: Any, own: Any, expected: Any) -> None:
    assert merged(rest, own) == expected


def test_a_value_that_is_its_own_part_ends_somewhere() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    assert merged(loop, loop)


def _write(folder: Path, stack: str, **config: Any) -> Path:
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"config": {f"slipway:{key}": value for key, value in config.items()}}))
    return file


def _told(folder: Path, stack: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        stackfile.read(folder / f"Pulumi.{stack}.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (["prod"], "slipway:like: is a list, should be the name of another stack of this product"),
        ("../prod", "slipway:like: is '../prod', should be the name of another stack of this product"),
        ("qa", "slipway:like: is the stack itself, should be another stack of this product"),
        ("nowhere", "Pulumi.nowhere.yaml: there is no such stack file; stacks here: prod, qa, staging"),
        ("staging", "slipway:like: is staging, which is like prod itself, should be prod"),
    ],
    ids=["a list", "a path", "itself", "nobody", "one that is like a third"],
)
def test_what_is_no_other_stack_is_one_line(tmp_path: Path, other: Any, line: str) -> None:
    _write(tmp_path, "prod", **good("prod"))
    _write(tmp_path, "staging", like="prod", product={"domain": "staging.example.com"})
    _write(tmp_path, "qa", like=other)
    assert _told(tmp_path, "qa") == [line]


def test_a_stack_does_not_take_the_name_of_the_one_that_it_is_like(tmp_path: Path) -> None:
    _write(tmp_path, "prod", **good("prod"))
    domain = good("prod")["product"]["domain"]
    _write(tmp_path, "qa", like="prod")
    right = "as in prod, and each would take the name from the other: say another one here"
    assert _told(tmp_path, "qa") == [f"slipway:product.domain: is '{domain}', {right}"]
    _write(tmp_path, "qa", like="prod", dns={"records": False})
    assert stackfile.read(tmp_path / "Pulumi.qa.yaml").values["product"]["domain"] == domain, "a move goes there"


def test_mistakes_in_either_file_are_told_by_their_keys(tmp_path: Path) -> None:
    values = good("signupflow")
    values["product"]["routes"] = [{"path": "/", "service": "web"}]
    _write(tmp_path, "signupflow", **values)
    _write(
        tmp_path,
        "qa",
        like="signupflow",
        product={"domain": "qa.signupflow.io", "services": {"app": {"port": 0}}},
        surprise="x",
    )
    file = stackfile.read(tmp_path / "Pulumi.qa.yaml")
    with pytest.raises(SettingsError) as caught:
        parse(file.stack, file.values, SECRETS_OF["signupflow"], others=file.others)
    assert [str(problem).split(": ")[0] for problem in caught.value.problems] == [
        "slipway:product.routes[0].service",
        "slipway:product.services.app.port",
        "slipway:surprise",
    ]


def test_secrets_are_each_stacks_own(tmp_path: Path) -> None:
    values = good("signupflow")
    _write(tmp_path, "signupflow", **values, SENTRY_DSN={"secure": "v1:of-production"})
    qa = {"domain": "qa.signupflow.io"}
    _write(tmp_path, "qa", like="signupflow", product=qa, GHCR_TOKEN={"secure": "v1:of-qa"})
    assert stackfile.read(tmp_path / "Pulumi.qa.yaml").secrets == {"GHCR_TOKEN"}


def test_a_file_is_made_whole_with_everything_else_that_is_in_it(tmp_path: Path) -> None:
    """For the rehearsal, which writes a configuration of its own."""
    _write(tmp_path, "signupflow", **good("signupflow"))
    file = _write(tmp_path, "qa", like="signupflow", product={"domain": "qa.signupflow.io"})
    config = {**yaml.safe_load(file.read_text())["config"], "digitalocean:region": "nyc3"}
    made = stackfile.whole(file, config)
    assert made["slipway:product"]["domain"] == "qa.signupflow.io"
    assert made["slipway:architecture"] == good("signupflow")["architecture"]
    assert made["digitalocean:region"] == "nyc3"
    assert "slipway:like" not in made
    alone = tmp_path / "Pulumi.signupflow.yaml"
    content = yaml.safe_load(alone.read_text())["config"]
    assert stackfile.whole(alone, content) == content


def test_pulumi_hands_over_what_differs_and_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI knows nothing of it."""
    config = yaml.safe_load((ROOT / "Pulumi.signupflow-staging.yaml").read_text())["config"]
    secrets = [f"slipway:{name}" for name in SECRETS_OF["signupflow-staging"]]
    stored = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    before, keys = store.CONFIG.get(), store._SECRET_KEYS.get()
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_SECRET_KEYS", raising=False)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "signupflow-staging")
    store.set_all_config({**stored, **dict.fromkeys(secrets, "x")}, secrets)
    try:
        settings = load()
    finally:
        store.CONFIG.set(before)
        store._SECRET_KEYS.set(keys)
    file = stackfile.read(ROOT / "Pulumi.signupflow-staging.yaml")
    assert file.like == "signupflow"
    assert settings == parse(file.stack, file.values, SECRETS_OF["signupflow-staging"])
    assert settings.product.aliases == ()
    assert settings.product.jobs["migrate"].command == "alembic upgrade head"
