"""What is refused of an app's specification: by the provider before it calls the API, and by the API.

The lists of `check` and the length of a name are from the provider's source (digitalocean/app/app_spec.go, read at
2026-08-06); what an instance size allows, and the limits of times, are the documentation's (app spec reference, "Scale
apps"). The wordings of `refuse` are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.provider.digitalocean.app_spec import JOBS, SERVERS, components, instances
from rehearsal.provider.resource import Failure, RefusedError, matches
from rehearsal.provider.store import Account
from rehearsal.provider.values import UNKNOWN
from settings.instances import INSTANCES, REGIONS

Spec = Mapping[str, Any]
_APP_RULES = (
    "DEPLOYMENT_FAILED", "DEPLOYMENT_LIVE", "DEPLOYMENT_STARTED", "DEPLOYMENT_CANCELED", "DOMAIN_FAILED", "DOMAIN_LIVE",
)  # fmt: skip
_PART_RULES = ("CPU_UTILIZATION", "MEM_UTILIZATION", "RESTART_COUNT")
_OPERATORS = ("GREATER_THAN", "LESS_THAN")
_WINDOWS = ("FIVE_MINUTES", "TEN_MINUTES", "THIRTY_MINUTES", "ONE_HOUR")
_JOB_KINDS = ("UNSPECIFIED", "PRE_DEPLOY", "POST_DEPLOY", "FAILED_DEPLOY")
_ENV_TYPES, _SCOPES = ("GENERAL", "SECRET"), ("UNSET", "RUN_TIME", "BUILD_TIME", "RUN_AND_BUILD_TIME")
_DOMAIN_TYPES = ("DEFAULT", "PRIMARY", "ALIAS")
_NOT_HERE = ("databases", "functions", "staticSites")
_SOURCES = ("git", "github", "gitlab", "bitbucket")
_NAME = r"[a-z][a-z0-9-]{0,30}[a-z0-9]"
_DATA_CENTRES = {slug.rstrip("0123456789") for slug in REGIONS}
_LIMITS = {"drainSeconds": (1, 110), "gracePeriodSeconds": (1, 600)}
_WANTED = {
    "type": _ENV_TYPES, "scope": _SCOPES, "rule": _PART_RULES, "operator": _OPERATORS, "window": _WINDOWS,
}  # fmt: skip


def failures(spec: Spec) -> Iterator[Failure]:
    """What the provider itself finds. Values may be unknown."""
    name = spec.get("name")
    if isinstance(name, str) and not 2 <= len(name) <= 32:
        yield _failure(f"expected length of name to be in the range (2 - 32), got {name}")
    for alert in spec.get("alerts") or ():
        yield from _one_of("rule", alert, _APP_RULES)
    for domain in spec.get("domainNames") or ():
        yield from _one_of("type", domain, _DOMAIN_TYPES)
    for kind, component in components(spec):
        for listed in ("envs", "alerts"):
            for item in component.get(listed) or ():
                for key, wanted in _WANTED.items():
                    yield from _one_of(key, item, wanted)
        if kind == "jobs":
            yield from _one_of("kind", component, _JOB_KINDS)
        yield from _one_of("registryType", component.get("image") or {}, ("UNSPECIFIED", "DOCKER_HUB", "DOCR", "GHCR"))
        for key, (low, high) in _LIMITS.items():
            seconds = (component.get("termination") or {}).get(key)
            if isinstance(seconds, int) and not low <= seconds <= high:
                yield _failure(f"expected {key} to be in the range ({low} - {high}), got {seconds}")


def _one_of(key: str, holder: Mapping[str, Any], wanted: tuple[str, ...]) -> Iterator[Failure]:
    value = holder.get(key)
    if value is not None and value is not UNKNOWN and value not in wanted:
        yield _failure(f"expected {key} to be one of [{' '.join(f'{word!r}' for word in wanted)}], got {value}")


def _failure(reason: str) -> Failure:
    return Failure("spec", reason)


def refuse(account: Account, others: Mapping[str, Any], spec: Spec, former: Spec | None) -> None:
    """RefusedError for what the API does not take, or what has no stand-in here. `former`: the app is there."""
    for reason in (*_of_app(account, others, spec, former), *_of_components(spec), *_of_ingress(spec)):
        raise RefusedError(reason)


def _of_app(account: Account, others: Mapping[str, Any], spec: Spec, former: Spec | None) -> Iterator[str]:
    if not matches(_NAME, spec["name"]):
        yield f"invalid app name {spec['name']}: 2 to 32 of a-z, 0-9 and dashes, the first one a letter"
    if any(row["spec"]["name"] == spec["name"] for row in others.values()):
        yield f"app name {spec['name']} is already in use on your account"
    region = spec.get("region")
    if region not in _DATA_CENTRES:
        yield f"region {region} is not valid for apps: one of {', '.join(sorted(_DATA_CENTRES))}"
    if former is not None and former.get("region") != region:
        yield f"the region of an app can't be changed: it is {former.get('region')}"
    networks = spec.get("vpcs") or ()
    if len(networks) != 1:
        yield "the rehearsal's app is in one VPC"
    for network in networks:
        found = account["vpcs"].get(network["id"])
        if found is None:
            yield f"VPC {network['id']} not found"
        elif str(found["region"]).rstrip("0123456789") != region:
            yield f"VPC {network['id']} is in {found['region']}, the app in {region}"
    for domain in spec.get("domainNames") or ():
        zone = domain.get("zone")
        if zone is not None and (zone not in account["domains"] or not f".{domain['name']}".endswith(f".{zone}")):
            yield f"zone {zone} of domain {domain['name']} is not managed by DigitalOcean DNS on your account"
        if any(domain["name"] in row["names"] for row in others.values()):
            yield f"domain {domain['name']} is already in use by another app"
    primary = [domain for domain in spec.get("domainNames") or () if domain.get("type") == "PRIMARY"]
    if len(primary) > 1:
        yield "only one domain can be PRIMARY"
    for key in _NOT_HERE:
        if spec.get(key):
            yield f"the rehearsal's stand-in for an app has no {key} yet"


def _of_components(spec: Spec) -> Iterator[str]:
    names = [component["name"] for _, component in components(spec)]
    if not names:
        yield "an app needs at least one component"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"component name {name} is used more than once"
    for kind, component in components(spec):
        for reason in _of_component(kind, component):
            yield f"{kind}.{component['name']}: {reason}"


def _of_component(kind: str, component: Mapping[str, Any]) -> Iterator[str]:
    if not matches(_NAME, component["name"]):
        yield "invalid component name"
    if kind == "jobs" and component.get("kind", "POST_DEPLOY") not in JOBS:
        yield f"the rehearsal's stand-in has no jobs of the kind {component.get('kind')} yet"
    yield from _of_size(component)
    yield from _of_image(component)
    if kind == "services" and not component.get("httpPort"):
        yield "http_port is required"
    keys = [variable["key"] for variable in component.get("envs") or ()]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"environment variable {key} is set more than once"


def _of_size(component: Mapping[str, Any]) -> Iterator[str]:
    slug = component.get("instanceSizeSlug")
    if slug is not None and slug not in INSTANCES:
        yield f"instance size {slug} is not valid"
        return
    size = INSTANCES.get(slug or "")
    if (size is None or size.cls == "fixed") and instances(component) > 1:
        yield f"instance size {slug} does not support more than one instance"
    scaled = component.get("autoscaling")
    if scaled:
        if size is None or size.cls != "dedicated":
            yield f"instance size {slug} does not support autoscaling: it takes a dedicated one"
        if component.get("instanceCount"):
            yield "instance_count can't be set with autoscaling"
        if scaled["minInstanceCount"] >= scaled["maxInstanceCount"]:
            yield "min_instance_count must be less than max_instance_count"


def _of_image(component: Mapping[str, Any]) -> Iterator[str]:
    image = component.get("image")
    if not image or any(component.get(source) for source in _SOURCES):
        yield "the rehearsal's app runs images: nothing is built here"
        return
    if image["registryType"] not in SERVERS:
        yield f"the rehearsal has no registry {image['registryType']}"
    if image.get("digest") and image.get("tag"):
        yield "image: only one of tag and digest can be set"
    if not matches(r"sha256:[0-9a-f]{64}", image.get("digest")):
        yield "image: the rehearsal's registries are asked for a digest, sha256:…"
    if image["registryType"] == "GHCR" and not image.get("registry"):
        yield "image.registry is required for GHCR"


def _of_ingress(spec: Spec) -> Iterator[str]:
    services = {component["name"] for component in spec.get("services") or ()}
    for rule in (spec.get("ingress") or {}).get("rules") or ():
        component = rule.get("component")
        if not component:
            yield "the rehearsal's ingress leads to components, and redirects nobody"
        elif component["name"] not in services:
            yield f"ingress: no service is called {component['name']}"
        elif not component.get("preservePathPrefix"):
            yield "the rehearsal's ingress preserves the path prefix"
