"""Uptime checks, their alerts, and alert policies: recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches
from rehearsal.provider.store import Record
from rehearsal.provider.values import UNKNOWN, Properties

_REGIONS = ("us_east", "us_west", "eu_west", "se_asia")
_ONE_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "uptimeCheck": {"type": ("ping", "http", "https")},
    "uptimeAlert": {
        "type": ("latency", "down", "down_global", "ssl_expiry"),
        "comparison": ("greater_than", "less_than"),
        "period": ("2m", "3m", "5m", "10m", "15m", "30m", "1h"),
    },
    "monitorAlert": {"compare": ("GreaterThan", "LessThan"), "window": ("5m", "10m", "30m", "1h")},
}
_DROPLET_METRICS = [
    "cpu",
    "memory_utilization_percent",
    "disk_utilization_percent",
    "public_outbound_bandwidth",
    "public_inbound_bandwidth",
    "private_outbound_bandwidth",
    "private_inbound_bandwidth",
    "disk_read",
    "disk_write",
    "load_1",
    "load_5",
    "load_15",
]
_LB_METRICS = [
    "avg_cpu_utilization_percent",
    "connection_utilization_percent",
    "droplet_health",
    "tls_connections_per_second_utilization_percent",
    "increase_in_http_error_rate_percentage_5xx",
    "increase_in_http_error_rate_percentage_4xx",
    "increase_in_http_error_rate_count_5xx",
    "increase_in_http_error_rate_count_4xx",
    "high_http_request_response_time",
    "high_http_request_response_time_50p",
    "high_http_request_response_time_95p",
    "high_http_request_response_time_99p",
]
METRICS = frozenset(
    [f"v1/insights/droplet/{name}" for name in _DROPLET_METRICS]
    + [f"v1/insights/lbaas/{name}" for name in _LB_METRICS]
    + [f"v1/dbaas/alerts/{name}_alerts" for name in ("load_15", "memory_utilization", "disk_utilization", "cpu")]
)
_MAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


def _one_of(kind: str, inputs: Properties) -> list[Failure]:
    return [
        Failure(key, f"expected {key} to be one of [{' '.join(allowed)}], got {inputs[key]}")
        for key, allowed in _ONE_OF[kind].items()
        if key in inputs and inputs[key] is not UNKNOWN and inputs[key] not in allowed
    ]


def _refuse_recipients(targets: Any, error: str) -> None:
    for target in targets if isinstance(targets, list) else [targets]:
        if not target.get("emails") and not target.get("slacks"):
            raise RefusedError(error + "at least one e-mail address or Slack channel is required")
        for address in target.get("emails", ()):
            if not matches(_MAIL, address):
                raise RefusedError(f"{error}invalid email address {address}")
        for slack in target.get("slacks", ()):
            if not str(slack.get("url", "")).startswith("https://hooks.slack.com/"):
                raise RefusedError(error + "invalid Slack webhook URL")


class UptimeCheck(Recorded):
    """`digitalocean:index/uptimeCheck:UptimeCheck`."""

    token = "digitalocean:index/uptimeCheck:UptimeCheck"  # noqa: S105
    required = ("target",)
    optional = ("enabled", "name", "regions", "type")
    defaults: ClassVar[Mapping[str, Any]] = {"enabled": True, "type": "https"}
    named = "name"
    unordered = frozenset({"regions"})
    table = "uptime_checks"
    described_as = "check"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        return _one_of("uptimeCheck", inputs)

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        error = "Error creating Check: POST https://api.digitalocean.com/v2/uptime/checks: 422 "
        kind, target = inputs["type"], str(inputs["target"])
        parts = urlsplit(target)
        if kind == "ping":
            if not matches(r"[A-Za-z0-9.:\-]+", target):
                raise RefusedError(error + "target must be a hostname or an IP address")
        elif parts.scheme != kind or not parts.hostname or "." not in parts.hostname:
            raise RefusedError(f"{error}target must be a valid {kind} URL")
        for region in inputs.get("regions", ()):
            if region not in _REGIONS:
                raise RefusedError(f"{error}invalid region {region}: one of {', '.join(_REGIONS)}")


class UptimeAlert(Recorded):
    """`digitalocean:index/uptimeAlert:UptimeAlert`."""

    token = "digitalocean:index/uptimeAlert:UptimeAlert"  # noqa: S105
    required = ("checkId", "notifications", "type")
    optional = ("comparison", "name", "period", "threshold")
    named = "name"
    table = "uptime_alerts"
    described_as = "alert"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        return _one_of("uptimeAlert", inputs)

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        error = "Error creating Uptime Alert: 422 "
        if inputs["checkId"] not in context.store.read()["uptime_checks"]:
            raise RefusedError("Error creating Uptime Alert: 404 check not found")
        if inputs["type"] in ("latency", "ssl_expiry") and not inputs.get("threshold"):
            raise RefusedError(f"{error}threshold is required for alerts of type {inputs['type']}")
        if inputs["type"] in ("latency", "ssl_expiry") and not inputs.get("comparison"):
            raise RefusedError(f"{error}comparison is required for alerts of type {inputs['type']}")
        if inputs["type"] != "ssl_expiry" and not inputs.get("period"):
            raise RefusedError(f"{error}period is required for alerts of type {inputs['type']}")
        _refuse_recipients(inputs["notifications"], error)


class MonitorAlert(Recorded):
    """`digitalocean:index/monitorAlert:MonitorAlert`: its id is its UUID."""

    token = "digitalocean:index/monitorAlert:MonitorAlert"  # noqa: S105
    required = ("alerts", "compare", "description", "type", "value", "window")
    optional = ("enabled", "entities", "tags")
    computed = ("uuid",)
    defaults: ClassVar[Mapping[str, Any]] = {"enabled": True}
    unordered = frozenset({"entities", "tags"})
    table = "monitor_alerts"
    described_as = "alert policy"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = _one_of("monitorAlert", inputs)
        if inputs["type"] is not UNKNOWN and inputs["type"] not in METRICS:
            failures.append(Failure("type", f"expected type to be one of {sorted(METRICS)}, got {inputs['type']}"))
        value = known(inputs, "value")
        if value is not None and value < 0:
            failures.append(Failure("value", f"expected value to be at least (0.000000), got {value}"))
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        error = "Error creating Alert Policy: 422 "
        if not inputs.get("entities") and not inputs.get("tags"):
            raise RefusedError(error + "at least one entity or tag is required")
        if inputs["type"].startswith("v1/insights/droplet/"):
            droplets = context.store.read()["droplets"]
            for entity in inputs.get("entities", ()):
                if str(entity) not in droplets:
                    raise RefusedError(f"{error}droplet {entity} not found")
        _refuse_recipients(inputs["alerts"], error)

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"uuid": identifier}
