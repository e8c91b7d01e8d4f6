"""What a droplet with PM2 can't carry of a product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from settings import commands, fits_hosts
from settings.context import Context
from settings.problems import Problem
from settings.product import Product, Service
from settings.reserved import SET_BY_DROPLET_PM2, is_account, is_of_the_machinery

SLOT_OFFSET = 1000
"""The green slot listens this much above the blue one."""
TAKEN_PORTS = {
    "redis": (6379,),
    "rabbitmq": (4369, 5672, 15672, 25672),
}
"""What a backing service on the droplet itself listens on, by its engine."""

_LISTENS = re.compile(r"(?:^|\s)(?:--bind|-b|--uds|--host|--port|-p|--unix-socket)(?:[\s=]|$)")
_FOR_CONTAINERS = ("volumes", "cpu", "autoscale", "metrics", "read_only", "user")


def run(context: Context, product: Product) -> Iterator[Problem]:
    """Everything that this kind can't carry."""
    for name, service in product.services.items():
        yield from _service(f"slipway:product.services.{name}", service)
        yield from fits_hosts.memory(f"slipway:product.services.{name}", service, fits_hosts.size_of(context))
    yield from _ports(product)
    yield from _backing(product)
    for key, why in (
        ("registry", "droplet-pm2 pulls no image: leave it out"),
        ("logs", "droplet-pm2 keeps logs on the host and ships none: leave it out"),
    ):
        if context.says("product", key):
            yield Problem(f"slipway:product.{key}", why)
    if context.says("product", "release", "images"):
        yield Problem("slipway:product.release.images", "droplet-pm2 releases a commit of the source: leave it out")
    yield from fits_hosts.jobs(product, "droplet-pm2")
    yield from _variables("slipway:product.environment", product.environment)
    yield from _account(product)
    yield from fits_hosts.admins(context)


def _variables(path: str, variables: Iterable[str]) -> Iterator[Problem]:
    for variable in variables:
        if variable in SET_BY_DROPLET_PM2:
            yield Problem(f"{path}.{variable}", "droplet-pm2 sets it for each process: leave it out")
        elif is_of_the_machinery(variable):
            yield Problem(f"{path}.{variable}", "is reserved for what starts each process on the droplet: leave it out")


def _account(product: Product) -> Iterator[Problem]:
    """Who runs the product on the droplet."""
    if product.name is not None and is_account(product.name):
        yield Problem(
            "slipway:product.name",
            f"{product.name} is an account of the host's own, should be another name such as {product.name}-app: "
            "the user that runs the product gets it",
        )


def _service(path: str, service: Service) -> Iterator[Problem]:
    if service.image is not None:
        yield Problem(f"{path}.image", "droplet-pm2 runs services from source: say `runtime` and `command` instead")
    for key in _FOR_CONTAINERS:
        if key in service.model_fields_set and getattr(service, key) not in (None, {}):
            yield Problem(f"{path}.{key}", "droplet-pm2 runs plain processes and can't do it: leave it out")
    if service.role == "web" and service.command is not None and _LISTENS.search(service.command):
        message = "says where to listen: leave that out, two releases run side by side and each is told its own place"
        yield Problem(f"{path}.command", message)
    yield from commands.as_one_program(f"{path}.command", service.command)
    yield from _variables(f"{path}.environment", service.environment)
    for variable, value in service.environment.items():
        if not isinstance(value, str) and not (variable in SET_BY_DROPLET_PM2 or is_of_the_machinery(variable)):
            message = "droplet-pm2 has one .env for all services: move it to product.environment"
            yield Problem(f"{path}.environment.{variable}", message)


def _ports(product: Product) -> Iterator[Problem]:
    taken = {
        port: name
        for name, backing in product.backing.items()
        if backing.provider == "host"
        for port in TAKEN_PORTS.get(backing.engine, ())
    }
    for name, service in product.services.items():
        if service.port is None:
            continue
        blue, green = service.port, service.port + SLOT_OFFSET
        message = None
        if not 1024 <= blue <= 65535 - SLOT_OFFSET:
            message = f"is {blue}, should be from 1024 to {65535 - SLOT_OFFSET}: services are not run as root"
        elif blue in taken:
            message = f"is {blue}, which is the port of {taken[blue]} too: give each its own"
        elif green in taken:
            message = f"is {blue}, and its green slot's {green} is the port of {taken[green]} too: give each its own"
        if message is not None:
            yield Problem(f"slipway:product.services.{name}.port", message)
        taken = {blue: name, green: f"{name}'s green slot", **taken}


def _backing(product: Product) -> Iterator[Problem]:
    hosted: dict[str, str] = {}
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}.provider"
        if backing.provider == "host" and backing.engine in TAKEN_PORTS:
            if backing.engine in hosted:
                first = hosted[backing.engine]
                yield Problem(
                    path, f"is host, as {first} is: droplet-pm2 runs one {backing.engine}, use {first} for both"
                )
            hosted.setdefault(backing.engine, name)
            for key in ("version", "memory", "volume"):
                if key in backing.model_fields_set and getattr(backing, key) is not None:
                    message = "droplet-pm2 takes what the droplet and its distribution have: leave it out"
                    yield Problem(f"slipway:product.backing.{name}.{key}", message)
        if getattr(backing, "image", None) is not None:
            yield Problem(f"slipway:product.backing.{name}.image", "droplet-pm2 runs no containers: leave it out")
        given = "should be external with `url: {secret: NAME}`"
        if backing.engine in ("postgres", "mongodb") and backing.provider == "host":
            yield Problem(path, f"is host, {given}: droplet-pm2 keeps no database on the droplet")
        if backing.provider == "managed" and backing.engine != "object-storage":
            choice = given.replace("be ", "be host, or ", 1) if backing.engine in TAKEN_PORTS else given
            yield Problem(path, f"is managed, {choice}: droplet-pm2 makes no managed {backing.engine}")
