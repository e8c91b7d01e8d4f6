"""An app on DigitalOcean's App Platform: the product's containers, which the platform runs, checks and replaces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices
from settings.instances import REGISTRIES
from settings.stack import Alerts

Role = Literal["service", "worker", "before", "after"]
Spec = dict[str, Any]

KEYS: dict[Role, str] = {"service": "services", "worker": "workers", "before": "jobs", "after": "jobs"}
"""Where the app's specification lists each."""
CHECK_SECONDS, ANSWER_SECONDS = 5, 5
LIVENESS_SECONDS, LIVENESS_FAILURES = 10, 3
LONGEST_DRAIN = 110
"""Seconds that the platform lets pass at most between the last new request and the signal to stop."""
MOST_RESTARTS = 1
"""Within five minutes, before somebody hears of it."""


@dataclass(frozen=True)
class Part:
    """One component of an app: a service, a worker, or a job before or after a deployment.

    Variables of `plain` are seen by who may see the app, those named in `secret` are kept encrypted. `most` is up to
    how many instances there may be, as they use more than `busy` percent of their CPU.
    """

    name: str
    role: Role
    image: str
    size: str
    instances: int = 1
    most: int | None = None
    busy: int = 70
    command: str | None = None
    port: int | None = None
    health: str | None = None
    start_within: int = 60
    stop_after: int = 30
    plain: Mapping[str, str] = field(default_factory=dict)
    secret: Sequence[str] = ()


@dataclass(frozen=True)
class Way:
    """Requests below `path` go to `service`; of one name only, if `host` is one."""

    path: str
    service: str
    host: str | None = None


@dataclass(frozen=True)
class LogsTo:
    """Where the logs of every component are sent."""

    provider: str
    endpoint: str


@dataclass(frozen=True)
class AppArgs:
    """`filled` has what is secret: `variables` by component and name, and the registry's `credentials` and the
    `log_token` by component.

    The platform keeps these encrypted and answers with `EV[…]`, which no program can compare with what it sent. It
    takes that back as what it stands for: see `App.encrypted` and architectures.revision. Who hears of alerts, the
    provider does not read back at all; `unchanged` says that it is who heard of them at the last update.

    `zone` is the platform's to write the names of `domains` into; the first of them is the main one.
    """

    region: str
    network_id: pulumi.Input[str]
    parts: Sequence[Part]
    ways: Sequence[Way]
    domains: Sequence[str]
    alerts: Alerts
    filled: pulumi.Output[Mapping[str, Any]]
    has_credentials: bool = False
    zone: pulumi.Input[str] | None = None
    logs: LogsTo | None = None
    unchanged: bool = False


class App(Component):
    """An app in the stack's network. A deployment starts the new instances, asks for their health, and only then stops
    the old ones; one that fails leaves the old ones serving.

    `encrypted` has the places of `AppArgs.filled` with what the platform answered for them.
    """

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        app = digitalocean.App(
            f"{name}-app",
            spec=self._spec(name),
            opts=self.child(ignore_changes=list(_not_read_back(args)) if args.unchanged else []),
        )
        self.encrypted = pulumi.Output.secret(app.spec.apply(lambda spec: _encrypted(args, spec)))
        self.id = app.id
        self.app_urn = app.app_urn
        self.address = app.default_ingress.apply(lambda url: str(url).removeprefix("https://").rstrip("/"))
        self.monthly = sum(prices.APP_INSTANCES[part.size] * part.instances for part in _running(args.parts))
        self.register_outputs({"id": self.id})

    def _spec(self, name: str) -> Spec:
        args = self._args
        spec: Spec = {
            "name": name,
            "region": args.region.rstrip("0123456789"),
            "vpcs": [{"id": args.network_id}],
            "alerts": [{"rule": rule, **self._told()} for rule in ("DEPLOYMENT_FAILED", "DOMAIN_FAILED")],
            "ingress": {"rules": [_rule(way) for way in args.ways]},
        }
        if args.domains:
            kinds = ["PRIMARY", *["ALIAS"] * (len(args.domains) - 1)]
            zone = {"zone": args.zone} if args.zone is not None else {}
            spec["domain_names"] = [
                {"name": domain, "type": kind, **zone} for domain, kind in zip(args.domains, kinds, strict=True)
            ]
        for part in args.parts:
            spec.setdefault(KEYS[part.role], []).append(self._part(part))
        return spec

    def _part(self, part: Part) -> Spec:
        made: Spec = {
            "name": part.name,
            "image": self._image(part),
            "instance_size_slug": part.size,
            "envs": list(self._variables(part)),
            "termination": {"grace_period_seconds": part.stop_after},
        }
        if part.command is not None:
            made["run_command"] = part.command
        if part.most is not None:
            made["autoscaling"] = {
                "min_instance_count": part.instances,
                "max_instance_count": part.most,
                "metrics": {"cpu": {"percent": part.busy}},
            }
        else:
            made["instance_count"] = part.instances
        if self._args.logs is not None:
            made["log_destinations"] = [self._log_destination(self._args.logs, part)]
        if part.role == "service":
            made |= _service(part)
            made["termination"]["drain_seconds"] = min(part.stop_after, LONGEST_DRAIN)
        elif part.role in ("before", "after"):
            made["kind"] = "PRE_DEPLOY" if part.role == "before" else "POST_DEPLOY"
        if part.role in ("service", "worker"):
            made["alerts"] = list(self._alerts())
        return made

    def _image(self, part: Part) -> Spec:
        repository, _, digest = part.image.partition("@")
        server, owner, name = repository.split("/", 2)
        made: Spec = {"registry_type": REGISTRIES[server], "registry": owner, "repository": name, "digest": digest}
        if self._args.has_credentials:
            made["registry_credentials"] = self._filled("credentials", part.name)
        return made

    def _variables(self, part: Part) -> Iterator[Spec]:
        for variable in sorted({*part.plain, *part.secret}):
            secret = variable in part.secret
            value = self._filled("variables", part.name, variable) if secret else part.plain[variable]
            kind = "SECRET" if secret else "GENERAL"
            yield {"key": variable, "value": value, "type": kind, "scope": "RUN_TIME"}

    def _filled(self, *keys: str) -> pulumi.Output[str]:
        def at(filled: Any) -> str:
            for key in keys:
                filled = filled[key]
            return str(filled)

        found: pulumi.Output[str] = pulumi.Output.secret(self._args.filled.apply(at))
        return found

    def _log_destination(self, logs: LogsTo, part: Part) -> Spec:
        if logs.provider == "papertrail":
            return {"name": logs.provider, "papertrail": {"endpoint": logs.endpoint}}
        token = self._filled("log_token", part.name)
        if logs.provider == "datadog":
            return {"name": logs.provider, "datadog": {"endpoint": logs.endpoint, "api_key": token}}
        return {"name": logs.provider, "logtail": {"token": token}}

    def _alerts(self) -> Iterator[Spec]:
        alerts = self._args.alerts
        for rule, value in (
            ("CPU_UTILIZATION", alerts.cpu),
            ("MEM_UTILIZATION", alerts.memory),
            ("RESTART_COUNT", MOST_RESTARTS),
        ):
            yield {
                "rule": rule, "operator": "GREATER_THAN", "value": value, "window": "FIVE_MINUTES", **self._told()
            }  # fmt: skip

    def _told(self) -> Spec:
        """Who hears of it; the team, where the stack file names nobody."""
        return {"destinations": {"emails": list(self._args.alerts.email)}} if self._args.alerts.email else {}


def _service(part: Part) -> Spec:
    """What only a service has: it is asked whether it is well before it gets requests, and ever after whether it lives.

    That asks for a connection alone, which it does without a path: health may name what backs the service, and to
    restart every instance while a database is away would mend nothing.
    """
    check = {"port": part.port, "timeout_seconds": ANSWER_SECONDS}
    return {
        "http_port": part.port,
        "health_check": {
            **check,
            "http_path": part.health,
            "period_seconds": CHECK_SECONDS,
            "success_threshold": 1,
            "failure_threshold": max(1, math.ceil(part.start_within / CHECK_SECONDS)),
        },
        "liveness_health_check": {
            **check,
            "initial_delay_seconds": part.start_within,
            "period_seconds": LIVENESS_SECONDS,
            "success_threshold": 1,
            "failure_threshold": LIVENESS_FAILURES,
        },
    }


def _rule(way: Way) -> Spec:
    match: Spec = {"path": {"prefix": way.path}}
    if way.host is not None:
        match["authority"] = {"exact": way.host}
    return {"match": match, "component": {"name": way.service, "preserve_path_prefix": True}}


def _running(parts: Sequence[Part]) -> Iterator[Part]:
    """Those that are paid for by the month; a job is paid for by the second."""
    yield from (part for part in parts if part.role in ("service", "worker"))


def _not_read_back(args: AppArgs) -> Iterator[str]:
    """Where a `refresh` forgets who hears of alerts; to say it again would be a deployment."""
    if args.alerts.email:
        yield "spec.alerts[*].destinations"
        for key in dict.fromkeys(KEYS[part.role] for part in _running(args.parts)):
            yield f"spec.{key}[*].alerts[*].destinations"


def _encrypted(args: AppArgs, spec: Any) -> Spec:
    """What the platform answered for each secret that it was sent, where `AppArgs.filled` has the secret."""
    components = {each.name: each for key in dict.fromkeys(KEYS.values()) for each in getattr(spec, key) or ()}
    found: Spec = {"variables": {}}
    for part in args.parts:
        component = components[part.name]
        values = {variable.key: variable.value for variable in component.envs or ()}
        found["variables"][part.name] = {name: values[name] for name in part.secret}
        if args.has_credentials:
            found.setdefault("credentials", {})[part.name] = component.image.registry_credentials
        if args.logs is not None and args.logs.provider != "papertrail":
            (to,) = component.log_destinations
            token = to.datadog.api_key if args.logs.provider == "datadog" else to.logtail.token
            found.setdefault("log_token", {})[part.name] = token
    return found
