"""What an update of SignUpFlow's app sends: its secrets at first and when they change, and never otherwise (SF5)."""

from __future__ import annotations

import itertools
from typing import Any

import pulumi
import pytest

from architectures import revision
from plan.program import Run
from tests.architectures.declared import Change, declared, inputs, named
from tests.architectures.test_app_platform import NAME, SECRETS

ENCRYPTED = ("envs", "image.registryCredentials")


@pytest.fixture(scope="module")
def whole() -> Run:
    """The first update."""
    return declared(NAME, SECRETS)


def _after_an_update(monkeypatch: pytest.MonkeyPatch, last: Run, change: Change = lambda values: None) -> Run:
    """The next update: what the last one exported is there."""
    exported = last.outputs.values["revision"]
    monkeypatch.setattr(revision, "_last", lambda: pulumi.Output.from_input(exported))
    return declared(NAME, SECRETS, change)


def _spec(result: Run) -> Any:
    return named(result, f"{NAME}-app").inputs["spec"]


def _encrypted(result: Run) -> set[str]:
    return set(named(result, f"{NAME}-app").ignore_changes)


ALL_ENCRYPTED = {f"spec.{part}[0].{key}" for part, key in itertools.product(("services", "jobs"), ENCRYPTED)}


def test_the_first_update_sends_every_secret(whole: Run) -> None:
    assert _encrypted(whole) == set()


def test_a_second_update_gives_the_app_nothing_else(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SF5: what comes back as EV[…] is not compared, everything else is the same."""
    second = _after_an_update(monkeypatch, whole)
    assert _encrypted(second) == ALL_ENCRYPTED
    assert inputs(second) == inputs(whole)
    assert second.outputs.values["revision"] == whole.outputs.values["revision"]


def _more_instances(values: dict[str, Any]) -> None:
    values["product"]["services"]["app"]["replicas"] = 3
    del values["product"]["services"]["app"]["pool"]


def _another_digest(values: dict[str, Any]) -> None:
    image = values["product"]["release"]["images"]["app"]
    values["product"]["release"]["images"]["app"] = f"{image.partition('@')[0]}@sha256:{9:064x}"


@pytest.mark.parametrize("change", [_more_instances, _another_digest])
def test_what_is_no_secret_changes_and_every_secret_stays(
    whole: Run, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    changed = _after_an_update(monkeypatch, whole, change)
    assert _encrypted(changed) == ALL_ENCRYPTED
    assert _spec(changed) != _spec(whole)
    assert changed.outputs.values["revision"] == whole.outputs.values["revision"]


def _another_plain_text(values: dict[str, Any]) -> None:
    values["product"]["environment"]["ENVIRONMENT"] = "production-2"


def _another_secret(values: dict[str, Any]) -> None:
    values["product"]["environment"]["SENTRY_DSN"] = {"secret": "BACKUP_ENCRYPTION_KEY"}


def _another_password(values: dict[str, Any]) -> None:
    """A database by another name stands for one with another password: its URL is another."""
    values["product"]["environment"]["DATABASE_URL"] = {"from": "sessions"}


def _another_login(values: dict[str, Any]) -> None:
    values["product"]["registry"]["user"] = "another"


def _another_order(values: dict[str, Any]) -> None:
    """A service before the first: by their places, each would get the other's variables."""
    values["product"]["services"]["admin"] = {**values["product"]["services"]["app"], "replicas": 1, "port": 9000}
    for service in values["product"]["services"].values():
        del service["pool"]


@pytest.mark.parametrize(
    "change", [_another_plain_text, _another_secret, _another_password, _another_login, _another_order]
)
def test_whatever_changes_a_variable_sends_them_all_and_the_next_update_none(
    whole: Run, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    """SF5: once, and then never again."""
    changed = _after_an_update(monkeypatch, whole, change)
    assert _encrypted(changed) == set()
    assert changed.outputs.values["revision"] != whole.outputs.values["revision"]
    following = _after_an_update(monkeypatch, changed, change)
    assert _encrypted(following) >= ALL_ENCRYPTED
    assert inputs(following) == inputs(changed)
