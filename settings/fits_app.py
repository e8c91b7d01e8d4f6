"""What DigitalOcean's App Platform can't carry of a product: each key says what the platform can."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from settings import connections, fits_hosts, fits_images, instances, prices
from settings.context import Context
from settings.instances import INSTANCES, REGISTRIES
from settings.kinds import AppPlatform
from settings.problems import Problem, nearest
from settings.product import Job, Logs, Product, Service
from settings.quantity import DURATION, MEMORY
from settings.stack import Dns, prefix

KIND = "app-platform"
LONGEST_NAME = 32
"""Of an app, and of each part of it; the shortest has two letters (app spec reference)."""
LONGEST_GRACE = 600
"""Seconds that the platform waits at most for one that is to stop (app spec reference)."""
_MOST_CHOICES = 4
_EXTERNAL = "should be external with `url: {secret: NAME}`"


def run(context: Context, product: Product, architecture: AppPlatform) -> Iterator[Problem]:
    """Everything that the platform can't carry."""
    yield from fits_images.product(context, KIND)
    yield from fits_images.names(product)
    for name, service in product.services.items():
        yield from _service(f"slipway:product.services.{name}", name, service)
        if service.role != "static":
            yield from _size(context, f"slipway:product.services.{name}", service, architecture, name)
    yield from _sizes(context, architecture)
    yield from _names(context, product)
    yield from _images(context, product)
    yield from _jobs(context, product)
    yield from _backing(product)
    yield from _routes(context, product)
    if product.logs is not None:
        yield from _logs(product.logs)
    if context.says("certificates", "authority"):
        message = "is for certificates that hosts get themselves, the platform has its own: leave it out"
        yield Problem("slipway:certificates.authority", message)
    yield from _dns(context)
    yield from connections.run(product, hosts=1, one_by_one=True)


def _dns(context: Context) -> Iterator[Problem]:
    """The app is known by a name, and a zone's own name can be led to a name by an ALIAS alone."""
    dns = context.blocks.get("dns")
    if isinstance(dns, Dns) and dns.provider == "print" and dns.zone is None and not context.says("dns", "zone"):
        message = "is missing, should be the zone that the names are in, such as example.com: its own name needs an"
        yield Problem("slipway:dns.zone", f"{message} ALIAS, where others have a CNAME")


def _service(path: str, name: str, service: Service) -> Iterator[Problem]:
    yield from fits_images.service(path, service, KIND)
    if len(name) < 2:
        yield Problem(path, f"has a name of one letter, should be at least two: {KIND} takes no shorter one")
    if service.role == "scheduler":
        message = "is scheduler, should be worker, with a lock of the product's own: a deployment starts the new one"
        yield Problem(f"{path}.role", f"{message} before it stops the old, and for a moment both would queue")
    for key, why in (
        ("volumes", f"{KIND} keeps nothing on its disks: leave it out, and keep uploads in a backing service "
                    "`engine: object-storage`"),
        ("ready", f"{KIND} asks services over HTTP alone: leave it out"),
        ("metrics", f"{KIND} has nothing that reads it, and can't keep it from visitors: leave it out"),
        ("user", f"{KIND} runs each container as its image says: leave it out, and say USER in the image"),
    ):  # fmt: skip
        if getattr(service, key) not in (None, {}):
            yield Problem(f"{path}.{key}", why)
    if "read_only" in service.model_fields_set and service.read_only:
        yield Problem(f"{path}.read_only", f"{KIND} lets containers write to their own disk: leave it out")
    if service.stop_after > LONGEST_GRACE:
        most, is_now = DURATION.write(LONGEST_GRACE), DURATION.write(service.stop_after)
        yield Problem(f"{path}.stop_after", f"is {is_now}, should be at most {most}: {KIND} waits no longer")
    for variable in service.environment:
        if variable.startswith("SLIPWAY_"):
            yield Problem(f"{path}.environment.{variable}", "is reserved for Slipway's own: leave it out")


def _size(context: Context, path: str, service: Service, architecture: AppPlatform, name: str) -> Iterator[Problem]:
    """Class, number and price together: a size that can't be had as often, can't be scaled, or has too little."""
    said = architecture.sizes.get(name, architecture.size)
    if said is None or not _is_right(context, architecture, name):
        return
    size = instances.slug(said)
    has = INSTANCES[size]
    wanted = (service.cpu or 0, service.memory or 0)
    if service.autoscale is not None and has.cls != "dedicated":
        choices = _choices(instances.sizes_with(*wanted, ("dedicated",)))
        message = f"{size} is {has.cls} and can't be scaled by load: leave it out, or take one of {choices}"
        yield Problem(f"{path}.autoscale", message)
    elif service.autoscale is not None and service.autoscale.most == service.replicas:
        message = f"is {service.autoscale.most}, should be more than replicas, which is {service.replicas}"
        yield Problem(f"{path}.autoscale.most", message)
    if service.replicas > 1 and has.cls == "fixed":
        choices = _choices(instances.sizes_with(*wanted, ("shared", "dedicated")))
        message = f"is {service.replicas}, should be 1: {size} comes alone; or take one of {choices}"
        yield Problem(f"{path}.replicas", message)
    where = f"{size} has {has.cpus} CPU and {MEMORY.write(has.memory)}"
    larger = _choices(instances.sizes_with(*wanted, (has.cls, "shared", "dedicated")))
    right = f"one of {larger}" if larger else "less"
    if service.memory is not None and service.memory > has.memory:
        message = f"is {MEMORY.write(service.memory)}, should be at most {MEMORY.write(has.memory)}: {where}; or take"
        yield Problem(f"{path}.memory", f"{message} {right}")
    elif service.cpu is not None and service.cpu > has.cpus:
        yield Problem(f"{path}.cpu", f"is {service.cpu:g}, should be at most {has.cpus}: {where}; or take {right}")


def _is_right(context: Context, architecture: AppPlatform, name: str) -> bool:
    """Whether the size of a service is what the file says, and not what stands for a mistake."""
    raw = context.raw.get("architecture")
    said = raw if isinstance(raw, dict) else {}
    own = said.get("sizes")
    if isinstance(own, dict) and name in own:
        return bool(architecture.sizes.get(name) == own[name])
    return said.get("size") in (None, architecture.size)


def _choices(slugs: list[str]) -> str:
    """The cheapest sizes first, with what each instance costs."""
    cheapest = sorted(slugs, key=lambda size: (prices.APP_INSTANCES[size], size))
    named = ", ".join(f"{size} ({prices.APP_INSTANCES[size]:g} USD)" for size in cheapest[:_MOST_CHOICES])
    return named if len(cheapest) <= _MOST_CHOICES else f"{named}, or a larger one"


def _sizes(context: Context, architecture: AppPlatform) -> Iterator[Problem]:
    services = context.names("services")
    for name in architecture.sizes:
        if services is not None and name not in services:
            message = f"there is no service {name!r}; {nearest(name, services)}"
            yield Problem(f"slipway:architecture.sizes.{name}", message)


def _names(context: Context, product: Product) -> Iterator[Problem]:
    if product.name is not None:
        stem = prefix(product.name, context.stack)
        if not 2 <= len(stem) <= LONGEST_NAME:
            message = f"makes {stem}, which is {len(stem)} letters long with the stack's name, should be at least 2 and"
            yield Problem("slipway:product.name", f"{message} at most {LONGEST_NAME}: it is the app's name")
    for name in product.jobs:
        path = f"slipway:product.jobs.{name}"
        if name in product.services:
            yield Problem(path, f"is a service's name too, should be another name: {KIND} has one list of both")
        elif len(name) < 2:
            yield Problem(path, f"has a name of one letter, should be at least two: {KIND} takes no shorter one")


def _images(context: Context, product: Product) -> Iterator[Problem]:
    """Registries that the platform doesn't pull from, and more than the one that there is a login for."""
    known = ", ".join(REGISTRIES)
    images = product.release.images if product.release else {}
    for name, image in images.items():
        server = image.partition("/")[0]
        if server not in REGISTRIES:
            message = f"is at {server}, should be at one of {known}: {KIND} pulls from no other"
            yield Problem(f"slipway:product.release.images.{name}", message)
        elif image.partition("@")[0].count("/") < 2:
            message = f"has no owner, should be {server}/owner/image@sha256:… for {KIND}"
            yield Problem(f"slipway:product.release.images.{name}", message)
    if product.registry is not None and product.registry.server not in (None, *REGISTRIES):
        message = f"is {product.registry.server}, should be one of {known}: {KIND} pulls from no other"
        yield Problem("slipway:product.registry.server", message)


def _jobs(context: Context, product: Product) -> Iterator[Problem]:
    for name, job in product.jobs.items():
        path = f"slipway:product.jobs.{name}"
        yield from _job(path, job)
        if context.says("product", "jobs", name, "timeout"):
            yield Problem(f"{path}.timeout", f"{KIND} ends jobs by a limit of its own: leave it out")


def _job(path: str, job: Job) -> Iterator[Problem]:
    if job.schedule is not None:
        message = f"{KIND} runs no job by the clock through its provider, only around a deployment: say `when`, or let"
        yield Problem(f"{path}.schedule", f"{message} a service with `role: worker` keep the time")
    if job.backward_compatible is False:
        yield Problem(f"{path}.backward_compatible", fits_hosts.NOT_COMPATIBLE)


def _backing(product: Product) -> Iterator[Problem]:
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}.provider"
        if backing.engine == "rabbitmq" and backing.provider != "external":
            yield Problem(path, f"is {backing.provider}, {_EXTERNAL}: nobody manages a rabbitmq here")
        elif backing.engine != "object-storage" and backing.provider == "host":
            choice = _EXTERNAL.replace("be ", "be managed, or ", 1)
            yield Problem(path, f"is host, {choice}: {KIND} has no host")


def _routes(context: Context, product: Product) -> Iterator[Problem]:
    raw = context.raw.get("product")
    given = raw.get("routes") if isinstance(raw, dict) else None
    for index, route in enumerate(given if isinstance(given, list) else []):
        if isinstance(route, dict) and route.get("timeout") is not None:
            message = f"{KIND} has a limit of its own for each request: leave it out"
            yield Problem(f"slipway:product.routes[{index}].timeout", message)


def _logs(logs: Logs) -> Iterator[Problem]:
    """Where the platform sends logs to, and what it needs for that."""
    path = "slipway:product.logs"
    if logs.provider in ("opensearch", "loki"):
        yield Problem(f"{path}.provider", f"is {logs.provider}, should be one of papertrail, datadog, logtail: {KIND} "
                                          "sends logs to no other here")  # fmt: skip
    elif logs.provider == "papertrail":
        if logs.endpoint is not None and urlsplit(logs.endpoint).scheme != "syslog+tls":
            message = "is not what Papertrail takes, should be syslog+tls://host:port as its settings show it"
            yield Problem(f"{path}.endpoint", message)
        if logs.token is not None:
            yield Problem(f"{path}.token", "is for datadog and logtail, papertrail knows you by its port: leave it out")
    elif logs.provider in ("datadog", "logtail") and logs.token is None:
        yield Problem(f"{path}.token", f"is missing, should be {{secret: NAME}}: {logs.provider} knows you by it")
