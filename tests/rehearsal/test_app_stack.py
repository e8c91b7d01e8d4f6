"""The real engine with the stand-in on paper: an app whose variables the platform keeps encrypted, update after update.

The careful program does what architectures.revision decides: where a secret is as the last update left it, it sends
back what the platform answered for it. The naive one sends the secret itself, and deploys again each time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from rehearsal.progress import Summary
from rehearsal.provider import workshop
from rehearsal.provider.digitalocean.app import deployments
from rehearsal.provider.digitalocean.app_secrets import Vault
from rehearsal.provider.store import Store
from rehearsal.run import Rehearsal, RehearsalError

GOOD, BAD = f"sha256:{1:064x}", f"sha256:{2:064x}"


class Program:
    """One service with a secret and a plain variable; a test changes its parts between two runs."""

    def __init__(self, careful: bool) -> None:
        self.careful = careful
        self.secret, self.plain, self.count, self.digest = secrets.token_hex(16), "one", 2, GOOD
        self._last, self._answered = "", ("", "")

    def __call__(self) -> None:
        import pulumi_digitalocean as digitalocean

        network = digitalocean.Vpc("net", name="net", region="nyc3", ip_range="10.70.0.0/24")
        image = {"registry_type": "GHCR", "registry": "owner", "repository": "app", "digest": self.digest}
        variables: list[dict[str, Any]] = [
            {"key": "PLAIN", "value": self.plain, "type": "GENERAL", "scope": "RUN_TIME"},
            {"key": "SECRET", "value": pulumi.Output.secret(self.secret), "type": "SECRET", "scope": "RUN_TIME"},
        ]
        service: dict[str, Any] = {
            "name": "web",
            "image": {**image, "registry_credentials": pulumi.Output.secret("user:token")},
            "instance_size_slug": "apps-s-1vcpu-1gb",
            "instance_count": self.count,
            "http_port": 8000,
            "envs": variables,
        }
        kept = self._answered if self.careful and self._last == self.secret else None
        if kept is not None:
            variables[1]["value"], service["image"]["registry_credentials"] = map(pulumi.Output.secret, kept)
        told = {"rule": "DEPLOYMENT_FAILED", "destinations": {"emails": ["ops@example.com"]}}
        app = digitalocean.App(
            "app",
            spec={
                "name": "app",
                "region": "nyc",
                "vpcs": [{"id": network.id}],
                "services": [service],
                "alerts": [told],
            },
            opts=pulumi.ResourceOptions(ignore_changes=["spec.alerts[*].destinations"] if kept else []),
        )
        self._last = self.secret
        app.spec.apply(self._keep)
        pulumi.export("url", app.live_url)

    def _keep(self, spec: Any) -> None:
        (web,) = spec.services
        values = {variable.key: variable.value for variable in web.envs}
        self._answered = (values["SECRET"], web.image.registry_credentials)


class Stack:
    """The program, rehearsed on paper."""

    def __init__(self, rehearsal: Rehearsal, program: Program) -> None:
        self.rehearsal, self.program = rehearsal, program
        self.store = Store(rehearsal.workspace.account)

    def up(self) -> Summary:
        return self.rehearsal.up()

    @property
    def deployments(self) -> list[str]:
        """What became of each deployment so far."""
        return [each["phase"] for each in deployments(self.store.read(), "app")]

    @property
    def runs(self) -> Any:
        """What the platform runs as the service."""
        (server,) = (row for row in self.store.read()["paper_servers"].values() if "parts" in row)
        return server["parts"]["web"]


def test_signupflows_own_program_deploys_only_for_a_reason(tmp_path: Path) -> None:
    """SF5: the program that `pulumi up` runs, as the stack file has it."""
    said: list[str] = []
    with Rehearsal("signupflow", said.append, home=tmp_path).on_paper() as made:
        store = Store(made.workspace.account)
        try:
            made.up()
            assert made.up().nothing_changed
            made.set_config("product.services.app.replicas", 1)
            assert made.up().changed() == ["signupflow-app"]
            value = f"https://{secrets.token_hex(16)}@errors.example.com/2"
            made.workspace.set_secret("slipway:SENTRY_DSN", value, made.workspace.environment(workshop.PAPER))
            assert made.up().changed() == ["signupflow-app"]
            assert made.up().nothing_changed
            assert [each["phase"] for each in deployments(store.read(), "signupflow")] == ["ACTIVE"] * 3
            assert value not in (made.workspace.account / "account.json").read_text()
        finally:
            made.down()


@pytest.fixture(params=[True])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    said: list[str] = []
    program = Program(request.param)
    with Rehearsal(f"app-{secrets.token_hex(3)}", said.append, program, {}, tmp_path).on_paper() as made:
        made.prepare()
        yield Stack(made, program)
        if made.workspace.exists:
            made.down()


@pytest.mark.parametrize("stack", [False], indirect=True)
def test_the_naive_program_deploys_again_on_every_update(stack: Stack) -> None:
    """SF5: this is what the checks have to be able to see."""
    stack.up()
    assert stack.up().changed() == ["app"]
    assert stack.up().changed() == ["app"]
    assert stack.deployments == ["ACTIVE"] * 3


def test_what_is_left_alone_does_not_deploy_and_what_is_changed_deploys_once(stack: Stack) -> None:
    """SF5"""
    stack.up()
    assert stack.up().nothing_changed
    assert stack.rehearsal.refresh().changed() == ["app"], "who hears of alerts is not read back"
    assert stack.up().nothing_changed
    first = stack.runs["variables"]

    stack.program.count = 3
    assert stack.up().changed() == ["app"]
    assert stack.up().nothing_changed
    assert (stack.runs["instances"], stack.runs["variables"]) == (3, first), "what was sent back is what it stood for"

    stack.program.secret = secrets.token_hex(16)
    assert stack.up().changed() == ["app"]
    assert stack.up().nothing_changed
    assert stack.runs["variables"]["SECRET"] != first["SECRET"]
    assert stack.deployments == ["ACTIVE"] * 3

    state = "".join(file.read_text() for file in stack.rehearsal.workspace.state_files())
    account = (stack.rehearsal.workspace.account / "account.json").read_text()
    assert stack.program.secret not in state + account
    stack.rehearsal.destroy()
    left = json.loads((stack.rehearsal.workspace.account / "account.json").read_text())
    assert not {"apps", "vpcs", "paper_servers"} & left.keys()


def test_a_secret_that_somebody_changed_at_the_platform_is_set_back_after_a_refresh(stack: Stack) -> None:
    stack.up()
    first = stack.runs["variables"]
    with stack.store.transaction() as account:
        (row,) = account["apps"].values()
        (secret,) = (each for each in row["spec"]["services"][0]["envs"] if each["type"] == "SECRET")
        secret["value"] = Vault(row["key"]).close("somebody else's")
    assert stack.up().nothing_changed
    stack.rehearsal.refresh()
    assert stack.up().changed() == ["app"]
    assert stack.runs["variables"] == first
    assert stack.up().nothing_changed


def test_a_deployment_that_fails_is_told_and_the_next_update_brings_the_app_back(stack: Stack) -> None:
    """SF1"""
    with stack.store.transaction() as account:
        account["paper_bad_images"][f"ghcr.io/owner/app@{BAD}"] = {"step": "deploy", "code": "HealthChecksFailed"}
    stack.up()
    stack.program.digest = BAD
    with pytest.raises(RehearsalError, match=r'ComponentName:"web", Reason:\{Code:"HealthChecksFailed"'):
        stack.up()
    assert stack.runs["image"].endswith(GOOD)
    stack.program.digest = GOOD
    assert stack.up().changed() == ["app"], "the platform was told another image: it is told again"
    assert stack.up().nothing_changed
    assert stack.deployments == ["ACTIVE", "ERROR", "ACTIVE"]


def test_an_app_whose_first_deployment_fails_is_there_and_is_not_made_twice(stack: Stack) -> None:
    with stack.store.transaction() as account:
        account["paper_bad_images"][f"ghcr.io/owner/app@{BAD}"] = {"step": "pre-deploy", "code": "ExitNonZero"}
    stack.program.digest = BAD
    with pytest.raises(RehearsalError, match="error deploying app"):
        stack.up()
    stack.program.digest = GOOD
    assert stack.up().changed() == ["app"]
    assert len(stack.store.read()["apps"]) == 1
    assert stack.deployments == ["ERROR", "ACTIVE"]
