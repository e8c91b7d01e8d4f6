"""Mistakes that take more than one key to see. Each check looks at what is valid so far, so that all are told at once.

A required value may therefore be missing from what a check sees: its absence has been told already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings import check_backing, check_stack, check_variables, fits
from settings.context import Context
from settings.kinds import AppPlatform, DropletCompose, FleetCompose
from settings.masking import shown
from settings.messages import path_of
from settings.problems import Problem, nearest
from settings.product import Product, Route, Service

CHALLENGES = "/.well-known/acme-challenge"
"""Where a certificate authority asks a host whether a name is its own (RFC 8555, 8.3)."""


def run(context: Context) -> Iterator[Problem]:
    """Every mistake across keys."""
    product, architecture = context.blocks.get("product"), context.blocks.get("architecture")
    if isinstance(product, Product):
        yield from _services(product)
        yield from _release(context, product)
        yield from _routes(context, product)
        yield from _jobs(context, product)
        yield from _domains(product)
        yield from check_backing.run(context, product)
        yield from check_variables.run(context, product)
        yield from check_stack.names(context, product)
        if architecture is not None:
            yield from fits.run(context, product, architecture)
    yield from check_stack.network(context)
    yield from check_stack.access(context)
    yield from check_stack.dns(context)


def _services(product: Product) -> Iterator[Problem]:
    for name, service in product.services.items():
        path = f"slipway:product.services.{name}"
        yield from _source_or_image(path, service)
        yield from _role(path, service)
        yield from _volumes(path, service)
        yield from check_backing.memory(path, service.memory)
        if service.autoscale is not None and service.autoscale.most < service.replicas:
            most, least = service.autoscale.most, service.replicas
            yield Problem(f"{path}.autoscale.most", f"is {most}, should be at least replicas, which is {least}")


def _source_or_image(path: str, service: Service) -> Iterator[Problem]:
    if service.image is None and service.runtime is None:
        yield Problem(path, "says neither `runtime` (runs from source) nor `image` (runs from an image): give one")
    if service.image is not None and service.runtime is not None:
        yield Problem(path, "says both `runtime` and `image`, should be one: it runs from source or from an image")
    if service.image is not None and service.role == "static" and service.output is not None:
        yield Problem(f"{path}.output", "is for a service that is built from source: leave it out, the image serves")


def _role(path: str, service: Service) -> Iterator[Problem]:
    if service.role == "web":
        if service.port is None:
            yield Problem(f"{path}.port", "is missing, should be the port that a web service listens on, such as 8000")
        if service.health is None:
            message = "is missing, should be a path of a URL such as /api/health/: a release is checked by it"
            yield Problem(f"{path}.health", message)
    if service.role == "static" and service.runtime is not None:
        if service.output is None:
            yield Problem(f"{path}.output", "is missing, should be the directory of the built files, such as dist")
        if service.command is not None:
            yield Problem(
                f"{path}.command", "starts nothing: a static service is files; put what makes them in `build`"
            )
    if service.role in ("web", "worker", "scheduler") and service.runtime is not None and service.command is None:
        yield Problem(f"{path}.command", "is missing, should be what starts the service")
    yield from _asked_by_nobody(path, service)
    if service.role == "scheduler" and service.replicas != 1:
        yield Problem(f"{path}.replicas", f"is {service.replicas}, should be 1: two schedulers queue everything twice")
    yield from _metrics(path, service)


def _asked_by_nobody(path: str, service: Service) -> Iterator[Problem]:
    """Keys of a service that takes requests, said of one that takes none."""
    if service.role not in ("worker", "scheduler") and not (service.role == "static" and service.runtime is not None):
        return
    for key in ("port", "health"):
        if getattr(service, key) is not None and not (key == "port" and service.metrics is not None):
            message = f"is for a service that takes requests, this one's role is {service.role}: leave it out"
            yield Problem(f"{path}.{key}", message)


def _volumes(path: str, service: Service) -> Iterator[Problem]:
    there: dict[str, str] = {}
    for name, place in service.volumes.items():
        other = there.setdefault(place, name)
        if other != name:
            yield Problem(f"{path}.volumes.{name}", f"{place} is where {other} is already: give it another path")


def _metrics(path: str, service: Service) -> Iterator[Problem]:
    if service.metrics is None:
        return
    if service.port is None and service.role != "web":  # of a web service it is told already
        yield Problem(f"{path}.metrics", "needs a port to be read from: say `port`, or leave it out")
    if service.metrics == "/":
        message = "is /, should be a path of its own such as /metrics: nobody is answered what is below it"
        yield Problem(f"{path}.metrics", message)
    elif service.health is not None and _is_below(service.health, service.metrics):
        why = f"should be outside of metrics, which is {service.metrics}: below that nobody is answered"
        yield Problem(f"{path}.health", f"is {service.health}, {why}")


def _is_below(path: str, other: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{other.rstrip('/')}/")


def _release(context: Context, product: Product) -> Iterator[Problem]:
    release = product.release
    runs_images = isinstance(context.blocks.get("architecture"), AppPlatform | DropletCompose | FleetCompose)
    from_source = [
        name for name, service in product.services.items() if service.runtime is not None and not runs_images
    ]
    if from_source and not context.says("product", "release", "commit"):
        yield Problem(
            "slipway:product.release.commit",
            f"is missing, should be a whole commit of the source, which {from_source[0]} runs from",
        )
    if from_source and not context.says("product", "source"):
        yield Problem(
            "slipway:product.source",
            f"is missing, should be a mapping with repository: {from_source[0]} runs from source",
        )
    raw = context.raw["product"].get("release") if isinstance(context.raw.get("product"), Mapping) else None
    images = raw.get("images", {}) if isinstance(raw, Mapping) else None
    if not isinstance(images, Mapping):
        return
    known = {str(image) for image in images}
    for name, service in product.services.items():
        if service.image is not None and service.image not in known:
            message = f"there is no image {shown(service.image)} in release.images; {nearest(service.image, known)}"
            yield Problem(f"slipway:product.services.{name}.image", message)
    for image in release.versions if release else ():
        if image not in known:
            message = f"there is no such image in release.images; {nearest(image, known)}"
            yield Problem(f"slipway:product.release.versions.{image}", message)


def _routes(context: Context, product: Product) -> Iterator[Problem]:
    services = context.names("services")
    seen: dict[tuple[str | None, str], int] = {}
    for index, route in enumerate(product.routes):
        path = f"slipway:product.routes[{index}]"
        if _is_below(route.path, CHALLENGES):
            message = f"is below {CHALLENGES}, where hosts answer for their certificate: give it another path"
            yield Problem(f"{path}.path", message)
        if services is None or route.service is None:
            continue
        target = product.services.get(route.service)
        if route.service not in services:
            hint = nearest(route.service, services)
            yield Problem(f"{path}.service", f"there is no service {shown(route.service)}; {hint}")
        elif target is not None and target.role in ("worker", "scheduler"):
            message = f"{route.service} is a {target.role}, should be a web or static service: others take no requests"
            yield Problem(f"{path}.service", message)
        elif target is not None and (target.metrics or "/") != "/" and _is_below(route.path, target.metrics or "/"):
            message = f"is what Prometheus reads of {route.service}, which no visitor gets: leave it out"
            yield Problem(f"{path}.path", message)
        if not _is_as_written(context, index, route):
            continue
        place = (product.name_of(route), route.path.rstrip("/"))
        if place in seen:
            message = f"{route.path} is routed already, by routes[{seen[place]}]: give it another path or host"
            yield Problem(f"{path}.path", message)
        seen.setdefault(place, index)
    routed = {place for _, place in seen}
    for name, service in product.services.items():
        for assets in service.assets:
            if assets.rstrip("/") in routed:
                message = "is a route's path too, should be a path below one, such as /static/"
                yield Problem(path_of(f"slipway:product.services.{name}.assets", [assets]), message)
    if product.services_of("web", "static") and not product.routes:
        how = "is empty" if context.says("product", "routes") else "is missing"
        message = f"{how}, should be a list, each a path and its service: nothing is reached"
        yield Problem("slipway:product.routes", message)


def _is_as_written(context: Context, index: int, route: Route) -> bool:
    """Whether a route's place is what the file says, and not what stands for a mistake."""
    product = context.raw.get("product")
    written = product.get("routes") if isinstance(product, Mapping) else None
    given = written[index] if isinstance(written, list) and index < len(written) else None
    return isinstance(given, Mapping) and all(given.get(key) in (None, getattr(route, key)) for key in ("path", "host"))


def _jobs(context: Context, product: Product) -> Iterator[Problem]:
    services = context.names("services")
    for name, job in product.jobs.items():
        path = f"slipway:product.jobs.{name}"
        if services is not None and job.service is not None and job.service not in services:
            hint = nearest(job.service, services)
            yield Problem(f"{path}.service", f"there is no service {shown(job.service)}; {hint}")
        says_when, says_schedule = (context.says("product", "jobs", name, key) for key in ("when", "schedule"))
        if says_when == says_schedule:
            both = "both" if says_when else "neither"
            yield Problem(
                path, f"says {both} of `when` and `schedule`, should be one: around a release, or by the clock"
            )


def _domains(product: Product) -> Iterator[Problem]:
    seen = {product.domain: "product.domain"}
    for index, alias in enumerate(product.aliases):
        if alias in seen:
            yield Problem(f"slipway:product.aliases[{index}]", f"{alias} is {seen[alias]} already: leave it out")
        seen.setdefault(alias, f"aliases[{index}]")
