"""`make release` and the others where the cloud's platform runs the product (SF1, SF12)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import platform_api, read_only, recover, release, rollback
from scripts.pulumi_cli import OperatorError
from scripts.stack import kind_of
from scripts.stack_release import Release
from tests.scripts.fake_programs import Programs, programs

REPOSITORY = "ghcr.io/signupflow/signupflow"
TOKEN = "a-token-of-the-account"


def image(number: int) -> str:
    return f"{REPOSITORY}@sha256:{number:064x}"


OLD: dict[str, Any] = {"images": {"app": image(1)}, "versions": {"app": "1.0"}}


class Platform(HTTPServer):
    """The API's answer for one app, and the app's own health."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.deployment: dict[str, Any] | None = None
        self.health = 200
        self.seen: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serves(self, *images: str) -> None:
        """Have a deployment of these images serve."""
        parts = []
        for reference in images:
            repository, _, digest = reference.partition("@")
            server, owner, name = repository.split("/", 2)
            kind = {"ghcr.io": "GHCR", "docker.io": "DOCKER_HUB"}[server]
            given = {"registry_type": kind, "registry": owner, "repository": name, "digest": digest}
            parts.append({"name": "app", "image": given})
        self.deployment = {"id": "d", "spec": {"services": parts}}


class _Answers(BaseHTTPRequestHandler):
    server: Platform

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        if self.path == "/health":
            self.send_response(self.server.health)
            self.end_headers()
            return
        authorized = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        self.send_response(200 if authorized else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"app": {"id": "the-app", "active_deployment": self.server.deployment}}).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    server = Platform()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("DIGITALOCEAN_API_URL", server.url)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
    monkeypatch.setattr(platform_api, "PAUSE", 0.01)
    monkeypatch.setattr(platform_api.wait_until_well, "__defaults__", (0.1,))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Programs:
    found = programs(tmp_path, monkeypatch, OLD)
    found.happens("app")
    found.put("outputs", {"app": "the-app", "health": f"{platform.url}/health"})
    platform.serves(image(1))
    return found


def test_a_release_is_a_deployment_that_serves_and_is_well(app: Programs, platform: Platform) -> None:
    """SF12: deployed, then looked at."""
    platform.serves(image(2))
    release.release("signupflow", images=f"app={image(2)}")
    assert app.get("release") == {"images": {"app": image(2)}, "versions": {}}
    assert [path for path, _ in platform.seen] == ["/v2/apps/the-app", "/health"]


def test_the_token_goes_to_the_api_alone(app: Programs, platform: Platform) -> None:
    """ALL3"""
    platform.serves(image(2))
    release.release("signupflow", images=f"app={image(2)}")
    assert dict(platform.seen) == {"/v2/apps/the-app": f"Bearer {TOKEN}", "/health": None}
    assert TOKEN not in json.dumps(app.calls())


def test_the_platforms_own_return_is_told_as_such(app: Programs) -> None:
    app.happens("fails")
    with pytest.raises(OperatorError) as caught:
        release.release("signupflow", images=f"app={image(2)}")
    assert str(caught.value) == (
        f"app {f'{2:064x}'[:12]} was not released: the platform has returned to the deployment before: "
        "signupflow still runs app 1.0, and its stack file says so again"
    )
    assert app.get("release") == OLD


def test_a_deployment_of_something_else_is_no_release(app: Programs, platform: Platform) -> None:
    """`pulumi up` went well, and still something else serves."""
    with pytest.raises(OperatorError, match="was not released: signupflow runs app"):
        release.release("signupflow", images=f"app={image(2)}")
    assert app.get("release")["images"] == OLD["images"]


def test_a_release_that_is_not_well_is_told_with_its_answer(app: Programs, platform: Platform) -> None:
    platform.serves(image(2))
    platform.health = 503
    with pytest.raises(OperatorError, match=r"was released and serves, but is not well: .*/health answers 503"):
        release.release("signupflow", images=f"app={image(2)}")
    assert app.get("release")["images"] == {"app": image(2)}, "it serves"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DIGITALOCEAN_TOKEN", "", "DIGITALOCEAN_TOKEN is not set"),
        ("DIGITALOCEAN_TOKEN", "another", "the platform answered 401"),
        ("DIGITALOCEAN_API_URL", "http://api.example.com", "is no https URL"),
        ("DIGITALOCEAN_API_URL", "http://127.0.0.1:9", "the platform does not answer"),
    ],
)
def test_a_failed_update_of_which_nobody_tells_leaves_it_to_a_person(
    app: Programs, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    app.happens("fails")
    with pytest.raises(OperatorError) as caught:
        release.release("signupflow", images=f"app={image(2)}")
    assert reason in str(caught.value)
    assert "see the app's deployments in its console" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_an_app_without_a_deployment_serves_nothing(app: Programs, platform: Platform) -> None:
    platform.deployment = None
    with pytest.raises(OperatorError, match="no deployment that serves"):
        platform_api.serving("signupflow", [Release(**OLD)])


def test_an_app_that_runs_something_else_is_not_ours(app: Programs, platform: Platform) -> None:
    platform.serves(f"docker.io/library/nginx@sha256:{1:064x}")
    with pytest.raises(OperatorError, match=r"the app does not run ghcr\.io/signupflow/signupflow"):
        platform_api.serving("signupflow", [Release(**OLD)])


def test_a_stack_that_is_not_up_has_no_app(app: Programs) -> None:
    app.put("outputs", {})
    with pytest.raises(OperatorError, match="no output 'app': run `pulumi up -s signupflow` first"):
        platform_api.serving("signupflow", [Release(**OLD)])


def test_a_stack_that_is_like_another_is_of_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI knows only what its own file says."""
    programs(tmp_path, monkeypatch, OLD)
    assert kind_of("signupflow-staging") == "app-platform"
    assert kind_of("shop") == "droplet-pm2"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: rollback.rollback("signupflow"), "deploys it again, its jobs included"),
        (lambda: recover.recover("signupflow"), "by itself"),
        (lambda: read_only.read_only("signupflow", "1"), "no such switch"),
    ],
    ids=["rollback", "recover", "read-only"],
)
def test_what_only_hosts_do_is_refused_in_one_line_that_says_what_there_is(app: Programs, act: Any, says: str) -> None:
    with pytest.raises(OperatorError) as caught:
        act()
    assert str(caught.value).startswith("signupflow is of the kind app-platform: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert app.get("release") == OLD
