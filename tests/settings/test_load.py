"""Pulumi's configuration as the CLI and as the Automation API hand it over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import pulumi
import pytest
from pulumi.runtime import config as store

from settings.load import load
from settings.problems import SettingsError
from tests.settings.stack import ROOT, SECRETS, good

SECRET_VALUES = {f"slipway:{name}": f"value-of-{name}" for name in SECRETS}


class HandOver(Protocol):
    """Gives the program a configuration, and the keys of it that are secrets."""

    def __call__(self, config: dict[str, str], secret_keys: list[str]) -> None: ...


def _by_environment(patch: pytest.MonkeyPatch) -> HandOver:
    """As the CLI's language host does."""

    def hand_over(config: dict[str, str], secret_keys: list[str]) -> None:
        patch.setenv("PULUMI_CONFIG", json.dumps(config))
        patch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secret_keys))

    return hand_over


def _by_the_sdk(patch: pytest.MonkeyPatch) -> HandOver:
    """As the Automation API does for a program in process."""

    def hand_over(config: dict[str, str], secret_keys: list[str]) -> None:
        store.set_all_config(config, secret_keys)

    return hand_over


@pytest.fixture(params=[_by_environment, _by_the_sdk], ids=["the CLI", "the Automation API"])
def hand_over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HandOver]:
    """One of the two ways, forgotten afterwards."""
    config, keys = store.CONFIG.get(), store._SECRET_KEYS.get()
    for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "familyflow")
    store.set_all_config({}, [])
    yield request.param(monkeypatch)
    store.CONFIG.set(config)
    store._SECRET_KEYS.set(keys)


def stored(blocks: dict[str, Any]) -> dict[str, str]:
    """Blocks as Pulumi stores them: JSON with its keys in order."""
    return {f"slipway:{name}": json.dumps(value, sort_keys=True) for name, value in blocks.items()}


def lines(hand_over: HandOver, config: dict[str, str], secret_keys: list[str]) -> list[str]:
    """The lines of the error that this configuration ends in."""
    hand_over(config, secret_keys)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value).splitlines()


def test_a_good_stack_is_loaded(hand_over: HandOver) -> None:
    hand_over(stored(good()) | SECRET_VALUES | {"digitalocean:token": "x"}, [*SECRET_VALUES, "digitalocean:token"])
    settings = load()
    assert settings.name == "familyflow"
    assert settings.secrets == SECRETS


def test_the_order_of_keys_is_the_same_from_the_engine_and_from_the_file(hand_over: HandOver) -> None:
    from settings import stackfile
    from settings.parse import parse

    hand_over(stored(good()) | SECRET_VALUES, [*SECRET_VALUES])
    file = stackfile.read(ROOT / "Pulumi.familyflow.yaml")
    read = parse(file.stack, file.values, SECRETS)
    assert list(load().product.services) == list(read.product.services)
    assert load().model_dump_json() == read.model_dump_json()


def test_a_secret_that_is_set_in_plain_is_told(hand_over: HandOver) -> None:
    told = lines(hand_over, stored(good()) | SECRET_VALUES, [key for key in SECRET_VALUES if "DSN" not in key])
    assert [line.split(": ")[0] for line in told] == ["slipway:SENTRY_DSN", "slipway:product.environment.SENTRY_DSN"]
    assert not any("value-of" in line for line in told)


def test_a_providers_credential_in_plain_is_told_with_the_other_mistakes(hand_over: HandOver) -> None:
    blocks = {key: value for key, value in good().items() if key != "dns"}
    for given in (good(), blocks):
        hand_over(stored(given) | SECRET_VALUES | {"digitalocean:token": "hunter2"}, [*SECRET_VALUES])
        with pytest.raises(SettingsError) as caught:
            load()
        lines = str(caught.value).splitlines()
        assert lines[0] == (
            "digitalocean:token: is a credential in plain, should be encrypted: take it out, make a new one, "
            "`pulumi config set --secret digitalocean:token -s familyflow`"
        )
        assert [line.split(": ")[0] for line in lines[1:]] == ([] if given is not blocks else ["slipway:dns"])


def test_a_block_with_an_encrypted_value_in_it_is_told_and_not_looked_at(hand_over: HandOver) -> None:
    blocks = good()
    blocks["product"]["environment"]["SECRET_KEY"] = "decrypted by now"
    told = lines(hand_over, stored(blocks) | SECRET_VALUES, [*SECRET_VALUES, "slipway:product"])
    assert told == [
        "slipway:product: holds an encrypted value, which loses its mark inside a block, should be a key of its own: "
        "`pulumi config set --secret slipway:NAME`, and {secret: NAME} here"
    ]


@pytest.mark.parametrize(
    "text", ["hello", "[1", "{", "7", "[" * 100_000], ids=["text", "list", "mapping", "number", "deep"]
)
def test_a_block_that_is_no_mapping_is_told(hand_over: HandOver, text: str) -> None:
    told = lines(hand_over, stored(good()) | SECRET_VALUES | {"slipway:dns": text}, [*SECRET_VALUES])
    assert len(told) == 1
    assert told[0].startswith("slipway:dns: is ")
    assert told[0].endswith(", should be a mapping with provider")


def test_no_configuration_at_all_names_what_is_needed(hand_over: HandOver) -> None:
    told = lines(hand_over, {}, [])
    assert [line.split(": ")[0] for line in told] == [
        "slipway:access",
        "slipway:architecture",
        "slipway:dns",
        "slipway:product",
    ]


PROGRAM = """
import sys
from pulumi.runtime import Settings, configure
configure(Settings(project="slipway", stack="familyflow", dry_run=True))
try:
    import runpy
    runpy.run_path("__main__.py")
except BaseException as error:
    print(type(error).__name__)
    print(error)
print(sorted(name for name in sys.modules if name.startswith("pulumi_")))
"""


def test_the_program_ends_in_the_lines_before_it_imports_any_provider() -> None:
    """Bad input is answered before anything is made, without a traceback."""
    blocks = good()
    blocks["architecture"]["region"] = "nyc4"
    blocks["product"]["services"]["api"]["prot"] = 1
    config = json.dumps(stored(blocks) | SECRET_VALUES)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PULUMI_CONFIG": config, "PULUMI_CONFIG_SECRET_KEYS": json.dumps([*SECRET_VALUES]), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == ["SystemExit", "32", "[]"]
    assert run.stderr.splitlines() == [
        "error: the stack file has mistakes:",
        "slipway:architecture.region: there is no DigitalOcean region 'nyc4'; did you mean 'nyc3'?",
        "slipway:product.services.api.prot: unknown key; did you mean 'port'?",
    ]
