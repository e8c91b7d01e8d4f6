"""What no kind that runs images can carry of a product: whatever is for services that run from source."""

from __future__ import annotations

from collections.abc import Iterator

from settings.context import Context
from settings.problems import Problem
from settings.product import Product, Service

_FROM_SOURCE = ("directory", "install", "build", "output", "assets")


def product(context: Context, kind: str) -> Iterator[Problem]:
    """Keys of the product that name its source."""
    for keys in (("release", "commit"), ("source",)):
        if context.says("product", *keys):
            message = f"is for services that run from source, {kind} runs images: leave it out"
            yield Problem(f"slipway:product.{'.'.join(keys)}", message)


def names(product: Product) -> Iterator[Problem]:
    """Names that two containers would have: of hosts' compose files, or of the laptop's, which has all of them."""
    for name in product.backing:
        if name in product.services:
            message = "is a service's name too, should be another name: both answer to it on the product's network"
            yield Problem(f"slipway:product.backing.{name}", message)
    for name in product.jobs:
        for kind, others in (("services", product.services), ("backing", product.backing)):
            if f"job-{name}" in others:
                message = f"is the name of the job {name}'s container too, should be another name"
                yield Problem(f"slipway:product.{kind}.job-{name}", message)


def service(path: str, service: Service, kind: str) -> Iterator[Problem]:
    """Keys of a service that build or start it from source."""
    if service.runtime is not None:
        yield Problem(f"{path}.runtime", f"{kind} runs services from images: say `image` instead")
    for key in _FROM_SOURCE:
        if key in service.model_fields_set and getattr(service, key) not in (None, {}, ()):
            yield Problem(f"{path}.{key}", f"is for a service that runs from source, {kind} runs images: leave it out")
    if service.role == "static":
        yield Problem(f"{path}.role", "is static, should be web: an image serves its files by itself")
