"""An app's specification, from the API's words to what the local cloud runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from rehearsal.model import AppPart, AppSpec, AppWay, Probe
from settings.instances import INSTANCES

Role = Literal["service", "worker", "before", "after"]
SERVERS = {"GHCR": "ghcr.io", "DOCKER_HUB": "docker.io"}
JOBS: dict[str, Role] = {"PRE_DEPLOY": "before", "POST_DEPLOY": "after"}
SMALLEST = "apps-s-1vcpu-0.5gb"
DRAIN, GRACE = 15, 120
"""Seconds of a termination that the specification does not speak of (app spec reference)."""
_PROBE = {"periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 9}


def app_of(spec: Mapping[str, Any], default_name: str) -> AppSpec:
    """What runs; values are in clear."""
    parts = tuple(_parts(spec))
    rules = (spec.get("ingress") or {}).get("rules") or ()
    first = next((part.name for part in parts if part.role == "service"), "")
    ways = tuple(_way(rule) for rule in rules) or ((AppWay("/", first),) if first else ())
    return AppSpec(spec["name"], (*domains(spec), default_name), ways, parts)


def domains(spec: Mapping[str, Any]) -> list[str]:
    """The app's own names, the main one first."""
    listed = sorted(spec.get("domainNames") or (), key=lambda domain: domain.get("type") != "PRIMARY")
    return [domain["name"] for domain in listed]


def components(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All that run from an image: services, workers and jobs."""
    for kind in ("services", "workers", "jobs"):
        for component in spec.get(kind) or ():
            yield kind, component


def endpoint(destination: Mapping[str, Any]) -> str | None:
    """Where a destination of logs takes syslog; None for one that is spoken to otherwise."""
    place = (destination.get("papertrail") or {}).get("endpoint")
    return None if place is None else str(place if "://" in place else f"syslog+tls://{place}")


def endpoints(spec: Mapping[str, Any]) -> list[str]:
    """Of all components, each once."""
    found = [endpoint(each) for _, part in components(spec) for each in part.get("logDestinations") or ()]
    return sorted({place for place in found if place})


def image(component: Mapping[str, Any]) -> str:
    """The image by its digest, or its tag."""
    given = component["image"]
    path = "/".join(filter(None, (given.get("registry"), given["repository"])))
    return f"{SERVERS[given['registryType']]}/{path}@{given['digest']}"


def instances(component: Mapping[str, Any]) -> int:
    """How many there are at first."""
    scaled = component.get("autoscaling") or {}
    return int(scaled.get("minInstanceCount") or component.get("instanceCount") or 1)


def _parts(spec: Mapping[str, Any]) -> Iterator[AppPart]:
    for kind, component in components(spec):
        size = INSTANCES[component.get("instanceSizeSlug") or SMALLEST]
        ending = component.get("termination") or {}
        port = component.get("httpPort") if kind == "services" else None
        given = [*(spec.get("envs") or ()), *(component.get("envs") or ())]
        yield AppPart(
            name=component["name"],
            role=JOBS[component.get("kind", "POST_DEPLOY")] if kind == "jobs" else _role(kind),
            image=image(component),
            cpus=size.cpus,
            memory_mib=size.memory,
            instances=instances(component),
            command=component.get("runCommand"),
            port=port,
            probe=_probe(component.get("healthCheck") or {}, port) if port else None,
            drain=ending.get("drainSeconds", DRAIN),
            grace=ending.get("gracePeriodSeconds", GRACE),
            logs_to=tuple(filter(None, map(endpoint, component.get("logDestinations") or ()))),
            variables={each["key"]: str(each.get("value", "")) for each in given if each.get("scope") != "BUILD_TIME"},
            credentials=component["image"].get("registryCredentials"),
        )


def _role(kind: str) -> Role:
    return "service" if kind == "services" else "worker"


def _probe(check: Mapping[str, Any], port: int) -> Probe:
    given = {**_PROBE, **check}
    return Probe(
        path=given.get("httpPath", "/"),
        port=given.get("port", port),
        delay=given.get("initialDelaySeconds", 0),
        period=given["periodSeconds"],
        timeout=given["timeoutSeconds"],
        successes=given["successThreshold"],
        failures=given["failureThreshold"],
    )


def _way(rule: Mapping[str, Any]) -> AppWay:
    match = rule.get("match") or {}
    path = (match.get("path") or {}).get("prefix", "/")
    return AppWay(path, rule["component"]["name"], (match.get("authority") or {}).get("exact"))
