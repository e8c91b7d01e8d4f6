"""For each rule on apps, stacks that break it and stacks that obey it."""

from __future__ import annotations

from typing import Any

from policies.graph import UNKNOWN, Resource
from policies.rule import Context
from tests.policies.stacks import Case, context, merged, resource, settings

GOOD: dict[str, Any] = {
    "name": "shop",
    "vpcs": [{"id": "vpc"}],
    "alerts": [{"rule": "DEPLOYMENT_FAILED"}, {"rule": "DOMAIN_FAILED"}],
}
SERVICE: dict[str, Any] = {
    "name": "web",
    "instanceCount": 2,
    "image": {"digest": "sha256:1"},
    "healthCheck": {"httpPath": "/health"},
    "livenessHealthCheck": {"port": 8000},
    "envs": [{"key": "SECRET_KEY", "value": "x", "type": "SECRET"}],
}


def app(service: dict[str, Any] | None = None, **spec: Any) -> Context:
    """An app with one service, each with changes."""
    whole = {**GOOD, "services": [merged(SERVICE, service or {})], **spec}
    return context(_app(whole))


def _app(spec: Any) -> Resource:
    secret = frozenset({"spec.services[0].envs[0].value"})
    return resource("App", "shop-app", inputs={"spec": spec}, secret_paths=secret)


def _env(key: str, value: str, kind: str | None = "GENERAL") -> list[dict[str, Any]]:
    return [{"key": key, "value": value, **({"type": kind} if kind else {})}]


CASES = [
    Case(
        "unasked-app",
        [app({"healthCheck": None}), app({"livenessHealthCheck": None}), app({"healthCheck": {"httpPath": ""}})],
        [app(), context(_app({"workers": [{"name": "queue"}], "jobs": [{"name": "migrate"}]}))],
    ),
    Case(
        "open-app-secret",
        [
            app({"envs": _env("SECRET_KEY", "x")}),
            app({"envs": _env("GHCR_TOKEN", "x", None)}),
            app({"envs": _env("DATABASE_URL", "postgresql://u:p@h/d")}),
            app(jobs=[{"name": "migrate", "envs": _env("SENTRY_DSN", "x")}]),
            app(workers=[{"name": "queue", "envs": _env("PGPASSWORD", "x") + _env("DB_PASSWORD", "x")}]),
            app(envs=_env("API_KEY", "x")),
        ],
        [
            app(),
            app({"envs": _env("SECRET_KEY", UNKNOWN)}),
            app({"envs": _env("SECRET_KEY", "")}),
            app({"envs": _env("TOKEN_LIFETIME", "30") + _env("PUBLIC_URL", "https://example.com")}),
        ],
    ),
    Case("roaming-app", [app(vpcs=[]), app(vpcs=None)], [app()]),
    Case(
        "lone-instance",
        [
            app({"instanceCount": 1}),
            app({"instanceCount": None}),
            app({"instanceCount": None, "autoscaling": {"minInstanceCount": 1, "maxInstanceCount": 4}}),
        ],
        [
            app(),
            app({"instanceCount": None, "autoscaling": {"minInstanceCount": 2, "maxInstanceCount": 4}}),
            context(_app({**GOOD, "services": [{**SERVICE, "instanceCount": 1}]}), of=settings("shop-staging")),
        ],
    ),
    Case(
        "deaf-app",
        [app(alerts=[]), app(alerts=[{"rule": "DEPLOYMENT_FAILED"}, {"rule": "DOMAIN_FAILED", "disabled": True}])],
        [app()],
    ),
]
