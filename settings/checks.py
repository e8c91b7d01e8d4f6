"""Mistakes that take more than one key to see. Each check looks at what is valid so far, so that all are told at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from settings.backing import FIELDS
from settings.kinds import DropletPm2
from settings.problems import Problem, nearest
from settings.product import Product, Service
from settings.stack import Access, Dns
from settings.variables import Secret, Wired

LONGEST_NAME = 63
"""A droplet's name is its host name, and a bucket's name is part of one: RFC 1123 allows 63."""
LONGEST_SUFFIX = len("-reserved-address")

_SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_KEY|SERVICE_ROLE_KEY|_KEY$|^KEY$)")
_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")
_KNOWN_SECRET_SHAPES = re.compile(r"dop_v1_|ghp_|github_pat_|sk_live_|xox[bp]-|AKIA[0-9A-Z]{16}|-----BEGIN|eyJ[A-Za-z0-9_-]{20,}\.")


@dataclass(frozen=True)
class Context:
    """The valid parts of a stack's blocks, and the names as they were written."""

    stack: str
    raw: Mapping[str, Any]
    blocks: Mapping[str, BaseModel]
    secrets: frozenset[str]

    def says(self, *keys: str) -> bool:
        """Whether the file has this key at all, be its value right or wrong."""
        where: Any = self.raw
        for key in keys:
            if not isinstance(where, Mapping) or key not in where:
                return False
            where = where[key]
        return True

    def names(self, key: str) -> set[str]:
        """The names below `product.<key>` as written, those of invalid entries too."""
        product = self.raw.get("product")
        given = product.get(key) if isinstance(product, Mapping) else None
        return {str(name) for name in given} if isinstance(given, Mapping) else set()


def run(context: Context) -> Iterator[Problem]:
    """Every mistake across keys."""
    product = context.blocks.get("product")
    if isinstance(product, Product):
        yield from _services(context, product)
        yield from _references(context, product)
        yield from _environment(context, product)
        yield from _secrets(context, product)
        yield from _names(context, product)
    architecture = context.blocks.get("architecture")
    if isinstance(architecture, DropletPm2) and isinstance(product, Product):
        yield from _droplet_pm2(context, architecture, product)
    yield from _access(context)
    yield from _dns(context)


def _services(context: Context, product: Product) -> Iterator[Problem]:
    ports: dict[int, str] = {}
    for name, service in product.services.items():
        path = f"slipway:product.services.{name}"
        if service.port is not None:
            if service.port in ports:
                yield Problem(f"{path}.port", f"{service.port} is the port of {ports[service.port]} too: give each its own")
            ports.setdefault(service.port, name)
        yield from _service_is_whole(path, service)


def _service_is_whole(path: str, service: Service) -> Iterator[Problem]:
    if service.image is None and service.runtime is None:
        yield Problem(path, "says neither `runtime` (runs from source) nor `image` (runs from an image): give one")
    if service.image is not None and service.runtime is not None:
        yield Problem(path, "says both `runtime` and `image`: a service runs from source or from an image")
    if service.role == "web":
        for key in ("port", "health"):
            if getattr(service, key) is None:
                yield Problem(f"{path}.{key}", "is missing: a web service needs it to be released without a failed request")
    if service.role == "static" and service.runtime is not None and service.output is None:
        yield Problem(f"{path}.output", "is missing: a static service names the directory of its built files")
    if service.role in ("web", "worker", "scheduler") and service.runtime is not None and service.command is None:
        yield Problem(f"{path}.command", "is missing: what starts the service")
    if service.role == "scheduler" and service.replicas != 1:
        yield Problem(f"{path}.replicas", f"is {service.replicas}, should be 1: two schedulers would queue everything twice")


def _references(context: Context, product: Product) -> Iterator[Problem]:
    services = context.names("services")
    seen: dict[tuple[str | None, str], int] = {}
    for index, route in enumerate(product.routes):
        if route is None:  # an invalid one, told elsewhere
            continue
        path = f"slipway:product.routes[{index}]"
        target = product.services.get(route.service)
        if route.service and route.service not in services:
            yield Problem(f"{path}.service", f"there is no service {route.service!r}; {nearest(route.service, services)}")
        elif target is not None and target.role not in ("web", "static"):
            yield Problem(f"{path}.service", f"{route.service} is a {target.role}: only web and static services take requests")
        if (route.host, route.path) in seen:
            yield Problem(f"{path}.path", f"{route.path} is routed already, by routes[{seen[route.host, route.path]}]")
        seen.setdefault((route.host, route.path), index)
    for name, job in product.jobs.items():
        path = f"slipway:product.jobs.{name}"
        if job.service and job.service not in services:
            yield Problem(f"{path}.service", f"there is no service {job.service!r}; {nearest(job.service, services)}")
        if context.says("product", "jobs", name, "when") == context.says("product", "jobs", name, "schedule"):
            yield Problem(path, "needs one of `when` (before-switch, after-switch) and `schedule`")


def _variables(product: Product) -> Iterator[tuple[str, str, Any]]:
    for variable, value in product.environment.items():
        yield f"slipway:product.environment.{variable}", variable, value
    for name, service in product.services.items():
        for variable, value in service.environment.items():
            yield f"slipway:product.services.{name}.environment.{variable}", variable, value


def _environment(context: Context, product: Product) -> Iterator[Problem]:
    backing = context.names("backing")
    for path, variable, value in _variables(product):
        if isinstance(value, str) and _looks_secret(variable, value):
            yield Problem(path, f"looks like a secret in plain: write {{secret: {variable}}}, then "
                                f"`pulumi config set --secret slipway:{variable} -s {context.stack}`")
        if not isinstance(value, Wired) or value.source == "domain":
            continue
        if value.source not in backing:
            yield Problem(path, f"there is no backing service {value.source!r}; {nearest(value.source, backing | {'domain'})}")
        elif (service := product.backing.get(value.source)) is not None:
            if value.field not in FIELDS[service.engine]:
                yield Problem(path, f"{value.source} is {service.engine}, which has no {value.field}; "
                                    f"it has {', '.join(sorted(FIELDS[service.engine]))}")
            elif service.provider == "external" and service.url is None and service.engine != "object-storage":
                yield Problem(path, f"{value.source} is external and says no url: write {{secret: {variable}}} here, "
                                    f"or backing.{value.source}.url: {{secret: NAME}}")


def _looks_secret(variable: str, value: str) -> bool:
    if not value:
        return False
    if _URL_WITH_PASSWORD.search(value) or _KNOWN_SECRET_SHAPES.search(value):
        return True
    return bool(_SECRET_NAME.search(variable)) and "PUBLI" not in variable


def _secrets(context: Context, product: Product) -> Iterator[Problem]:
    missing: dict[str, str] = {}
    for path, name in product.secret_references():
        if name not in context.secrets:
            missing.setdefault(name, path)
    for name, path in missing.items():
        yield Problem(f"slipway:product.{path}",
                      f"the secret {name} is not set: `pulumi config set --secret slipway:{name} -s {context.stack}`")


def _names(context: Context, product: Product) -> Iterator[Problem]:
    name = getattr(product, "name", None)
    if name and len(f"{name}-{context.stack}") + LONGEST_SUFFIX > LONGEST_NAME:
        room = LONGEST_NAME - LONGEST_SUFFIX - len(context.stack) - 1
        yield Problem("slipway:product.name", f"{name!r} with the stack's name {context.stack!r} makes host names over {LONGEST_NAME} "
                                              f"characters: at most {room} here")


def _droplet_pm2(context: Context, architecture: DropletPm2, product: Product) -> Iterator[Problem]:
    kind = architecture.kind
    for name, service in product.services.items():
        path = f"slipway:product.services.{name}"
        if service.image is not None:
            yield Problem(f"{path}.image", f"{kind} runs services from source; this is an image: say `runtime` and `command`")
        if service.volumes:
            yield Problem(f"{path}.volumes", f"{kind} keeps no files of a release: use a backing service with engine object-storage")
        if service.role in ("web",) and service.command and re.search(r"(?:^|\s)(?:--bind|-b|--uds|--host|--port)(?:[\s=]|$)", service.command):
            yield Problem(f"{path}.command", "says where to listen: leave it out, the kind decides that (two releases run side by side)")
    if not context.says("product", "release", "commit"):
        yield Problem("slipway:product.release.commit", f"is missing: {kind} releases a commit of the source")
    if not context.says("product", "source"):
        yield Problem("slipway:product.source", f"is missing: {kind} fetches the product's source")
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}"
        if backing.engine in ("postgres", "mongodb") and backing.provider == "host":
            yield Problem(f"{path}.provider", f"{kind} keeps no database on the droplet: use external (a URL) with `url: {{secret: NAME}}`")
        if backing.engine == "object-storage" and backing.provider == "host":
            yield Problem(f"{path}.provider", f"{kind} keeps no bucket on the droplet: managed (Spaces) or external")
        if backing.provider == "managed" and backing.engine != "object-storage":
            yield Problem(f"{path}.provider", f"{kind} makes no managed {backing.engine}: host, or external with `url: {{secret: NAME}}`")
    for name, job in product.jobs.items():
        if job.schedule is not None:
            yield Problem(f"slipway:product.jobs.{name}.schedule", f"{kind} runs no scheduled job: let a scheduler service queue it")
    for name, service in product.services.items():
        secret = [variable for variable, value in service.environment.items() if isinstance(value, Secret)]
        for variable in secret:
            yield Problem(f"slipway:product.services.{name}.environment.{variable}",
                          f"{kind} has one .env for all services: move the secret to product.environment")


def _access(context: Context) -> Iterator[Problem]:
    access = context.blocks.get("access")
    if isinstance(access, Access) and not access.ssh_from_anywhere and access.admin_cidrs:
        for cidr in access.open_ranges:
            yield Problem("slipway:access.admin_cidrs", f"{cidr} lets everybody try SSH: name your own ranges, or say `ssh_from_anywhere: true`")


def _dns(context: Context) -> Iterator[Problem]:
    dns, product = context.blocks.get("dns"), context.blocks.get("product")
    if not isinstance(dns, Dns):
        return
    if dns.provider in ("digitalocean", "cloudflare") and dns.zone is None:
        yield Problem("slipway:dns.zone", f"is missing: the zone that {dns.provider} keeps, such as example.com")
    if dns.provider == "cloudflare" and dns.zone_id is None:
        yield Problem("slipway:dns.zone_id", "is missing: Cloudflare shows it on the zone's overview page")
    if dns.create_zone and dns.provider != "digitalocean":
        yield Problem("slipway:dns.create_zone", "only digitalocean's zones can be made here")
    if dns.zone and isinstance(product, Product) and getattr(product, "domain", None):
        for domain in product.domains:
            if domain != dns.zone and not domain.endswith(f".{dns.zone}"):
                yield Problem("slipway:dns.zone", f"{domain} is not in the zone {dns.zone}")
