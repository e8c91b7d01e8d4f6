"""What an update of SignUpFlow's app sends: its secrets at first and when they change, and never otherwise (SF5)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pulumi
import pytest

from architectures import revision
from plan.program import Run
from tests.architectures.declared import Change, declared, inputs, named
from tests.architectures.test_app_platform import NAME, SECRETS


@pytest.fixture(scope="module")
def whole() -> Run:
    """The first update."""
    return declared(NAME, SECRETS)


def _after_an_update(monkeypatch: pytest.MonkeyPatch, last: Run, change: Change = lambda values: None) -> Run:
    """The next update: what the last one exported is there, with what the platform makes of its secrets."""
    found = json.loads(json.dumps(last.outputs.values["encrypted"]))
    for place in found.values():
        for part, kept in place.items():
            place[part] = (
                {key: _closed(text) for key, text in kept.items()} if isinstance(kept, dict) else _closed(kept)
            )
    exported = {"revision": last.outputs.values["revision"], "encrypted": found}
    monkeypatch.setattr(revision, "_last", lambda: pulumi.Output.from_input(exported))
    return declared(NAME, SECRETS, change)


def _closed(text: str) -> str:
    return text if text.startswith("EV[") else f"EV[1:{hashlib.sha256(text.encode()).hexdigest()}]"


def _spec(result: Run) -> Any:
    return named(result, f"{NAME}-app").inputs["spec"]


def _secrets(result: Run) -> list[str]:
    """Every text that is kept encrypted, as the app is given it."""
    found = []
    for part in (*_spec(result)["services"], *_spec(result)["jobs"]):
        found += [each["value"] for each in part["envs"] if each["type"] == "SECRET"]
        found.append(part["image"]["registryCredentials"])
    return found


def _sent_back(result: Run) -> set[bool]:
    return {text.startswith("EV[1:") for text in _secrets(result)}


def _but_for_secrets(result: Run) -> dict[str, Any]:
    """What every resource is given, and of the app what is no secret."""
    given: dict[str, Any] = json.loads(json.dumps(inputs(result)))
    spec = given[f"{NAME}-app"]["spec"]
    for part in (*spec["services"], *spec["jobs"]):
        part["image"]["registryCredentials"] = "a secret"
        for variable in part["envs"]:
            variable["value"] = "a secret" if variable["type"] == "SECRET" else variable["value"]
    return given


def test_the_first_update_sends_every_secret(whole: Run) -> None:
    assert _sent_back(whole) == {False}


def test_a_second_update_gives_the_app_nothing_else(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SF5: what came back as EV[…] is sent back, everything else is the same."""
    second = _after_an_update(monkeypatch, whole)
    assert _sent_back(second) == {True}
    assert _but_for_secrets(second) == _but_for_secrets(whole)
    assert second.outputs.values["revision"] == whole.outputs.values["revision"]


def _more_instances(values: dict[str, Any]) -> None:
    values["product"]["services"]["app"]["replicas"] = 3
    del values["product"]["services"]["app"]["pool"]


def _another_digest(values: dict[str, Any]) -> None:
    image = values["product"]["release"]["images"]["app"]
    values["product"]["release"]["images"]["app"] = f"{image.partition('@')[0]}@sha256:{9:064x}"


def _another_plain_text(values: dict[str, Any]) -> None:
    values["product"]["environment"]["ENVIRONMENT"] = "production-2"


@pytest.mark.parametrize("change", [_more_instances, _another_digest, _another_plain_text])
def test_what_is_no_secret_changes_and_every_secret_stays(
    whole: Run, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    changed = _after_an_update(monkeypatch, whole, change)
    assert _sent_back(changed) == {True}
    assert _but_for_secrets(changed) != _but_for_secrets(whole)
    assert changed.outputs.values["revision"] == whole.outputs.values["revision"]


def _another_secret(values: dict[str, Any]) -> None:
    values["product"]["environment"]["SENTRY_DSN"] = {"secret": "BACKUP_ENCRYPTION_KEY"}


def _another_password(values: dict[str, Any]) -> None:
    """A database by another name stands for one with another password: its URL is another."""
    values["product"]["environment"]["DATABASE_URL"] = {"from": "sessions"}


def _another_login(values: dict[str, Any]) -> None:
    values["product"]["registry"]["user"] = "another"


def _another_service(values: dict[str, Any]) -> None:
    """It has secrets that the platform has not seen from it yet."""
    values["product"]["services"]["admin"] = {**values["product"]["services"]["app"], "replicas": 1, "port": 9000}
    for service in values["product"]["services"].values():
        del service["pool"]


def _another_reader(values: dict[str, Any]) -> None:
    """Of alerts."""
    values["alerts"]["email"] = ["another@signupflow.io"]


@pytest.mark.parametrize(
    "change", [_another_secret, _another_password, _another_login, _another_service, _another_reader]
)
def test_whatever_changes_a_secret_sends_them_all_and_the_next_update_none(
    whole: Run, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    """SF5: once, and then never again."""
    changed = _after_an_update(monkeypatch, whole, change)
    assert _sent_back(changed) == {False}
    assert not named(changed, f"{NAME}-app").ignore_changes
    assert changed.outputs.values["revision"] != whole.outputs.values["revision"]
    following = _after_an_update(monkeypatch, changed, change)
    assert _sent_back(following) == {True}
    assert _but_for_secrets(following) == _but_for_secrets(changed)
