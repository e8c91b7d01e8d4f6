"""An app of three parts, and programs that declare it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi

from components.app import App, AppArgs, Part, Way
from settings.stack import Alerts
from tests.components.conftest import Record

DIGEST = f"sha256:{7:064x}"
IMAGE = f"ghcr.io/example/shop@{DIGEST}"


def filled(parts: list[Part]) -> dict[str, Any]:
    """A secret for each place of these parts that is kept encrypted."""
    return {
        "variables": {part.name: dict.fromkeys(part.secret, "a-key") for part in parts},
        "credentials": {part.name: "reader:a-token" for part in parts},
        "log_token": {part.name: "a-log-token" for part in parts},
    }


_WEB = Part(
    name="web",
    role="service",
    image=IMAGE,
    size="apps-s-1vcpu-1gb",
    instances=2,
    port=8000,
    health="/health",
    plain={"DEBUG": "False"},
    secret=("KEY",),
)
_QUEUE = Part(name="queue", role="worker", image=IMAGE, size="apps-d-1vcpu-1gb", command="work --all", secret=("KEY",))
_JOB = Part(name="migrate", role="before", image=IMAGE, size="apps-s-1vcpu-1gb", command="alembic upgrade head")


def web(**changes: Any) -> Part:
    return replace(_WEB, **changes)


def queue(**changes: Any) -> Part:
    return replace(_QUEUE, **changes)


def job(**changes: Any) -> Part:
    return replace(_JOB, **changes)


def program(made: list[App] | None = None, **changes: Any) -> Any:
    def declare() -> None:
        given: dict[str, Any] = {
            "region": "nyc3",
            "network_id": "vpc",
            "parts": [web(), queue(), job()],
            "ways": [Way("/", "web")],
            "domains": ("shop.example.com", "www.shop.example.com"),
            "alerts": Alerts(email=("ops@example.com",), cpu=80),
            "has_credentials": True,
        }
        given |= changes
        app = App("shop", AppArgs(**given, filled=pulumi.Output.secret(filled(given["parts"]))))
        if made is not None:
            made.append(app)

    return declare


def spec(record: Record, **changes: Any) -> Any:
    return record(program(**changes)).one("App").inputs["spec"]
