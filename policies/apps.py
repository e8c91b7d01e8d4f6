"""Rules on apps of the App Platform: that they are asked whether they are well, keep secrets, and stay in a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Resource
from policies.rule import Context, Violation, rule

APP = "digitalocean:index/app:App"
_TELLING = re.compile(
    r"(?:.*_)?(?:SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY|SECRET_KEY|DSN)"
)
_USER_INFO = re.compile(r"://[^/\s@]*:[^/\s@]+@")


@rule(
    "unasked-app",
    "error",
    "A service of an app is asked whether it is well before it gets requests, and after whether it lives.",
)
def unasked_app(context: Context) -> Iterator[Violation]:
    for app in context.graph.of(APP):
        for service in parts(app, "services"):
            name = service.get("name")
            if not (service.get("healthCheck") or {}).get("httpPath"):
                right = "health_check with the service's health path"
                yield Violation(app.name, f"{name} is not asked over HTTP whether it is well", right, app.urn)
            if not service.get("livenessHealthCheck"):
                right = "liveness_health_check with the service's port"
                yield Violation(app.name, f"{name} is not asked whether it lives", right, app.urn)


@rule("open-app-secret", "error", "What is secret among an app's variables is encrypted by the platform.")
def open_app_secret(context: Context) -> Iterator[Violation]:
    for app in context.graph.of(APP):
        for part in ({**_spec(app), "name": app.name}, *parts(app, "services", "workers", "jobs")):
            for variable in part.get("envs") or ():
                key, value = str(variable.get("key")), str(variable.get("value") or "")
                telling = _TELLING.fullmatch(key) or _USER_INFO.search(value)
                if telling and value not in ("", UNKNOWN) and variable.get("type") != "SECRET":
                    what = f"{key} of {part.get('name')} is shown to whoever may look at the app"
                    yield Violation(app.name, what, "the type SECRET", app.urn)


@rule("roaming-app", "warning", "An app is in its stack's network, and reaches its databases there.")
def roaming_app(context: Context) -> Iterator[Violation]:
    for app in context.graph.of(APP):
        if not _spec(app).get("vpcs"):
            what = "is in no network: it would come to its databases over the internet"
            yield Violation(app.name, what, "vpcs with the stack's network", app.urn)


@rule("lone-instance", "note", "A service that people depend on has more than one instance.")
def lone_instance(context: Context) -> Iterator[Violation]:
    if not context.is_production:
        return
    for app in context.graph.of(APP):
        for service in parts(app, "services"):
            scaled = service.get("autoscaling") or {}
            if (scaled.get("minInstanceCount") or service.get("instanceCount") or 1) == 1:
                what = f"{service.get('name')} has one instance: while that is lost or restarted, nothing serves"
                yield Violation(app.name, what, "2 or more replicas", app.urn)


@rule("deaf-app", "warning", "Somebody hears of a deployment or a name that failed.")
def deaf_app(context: Context) -> Iterator[Violation]:
    for app in context.graph.of(APP):
        heard = {alert.get("rule") for alert in _spec(app).get("alerts") or () if not alert.get("disabled")}
        for wanted in ("DEPLOYMENT_FAILED", "DOMAIN_FAILED"):
            if wanted not in heard:
                yield Violation(app.name, f"nobody hears of {wanted}", f"an alert on {wanted}", app.urn)


def parts(app: Resource, *keys: str) -> Iterator[Mapping[str, Any]]:
    """The components of an app that stand in these lists."""
    for key in keys:
        listed = _spec(app).get(key)
        if isinstance(listed, list):
            yield from (part for part in listed if isinstance(part, Mapping))


def _spec(app: Resource) -> Mapping[str, Any]:
    spec = app.inputs.get("spec")
    return spec if isinstance(spec, Mapping) else {}


RULES = (unasked_app, open_app_secret, roaming_app, lone_instance, deaf_app)
