"""What a kind can't carry of a product: said at load, by key, and never passed over in silence."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from settings.context import Context
from settings.droplets import SIZES
from settings.kinds import DropletPm2
from settings.problems import Problem
from settings.product import Product, Service
from settings.reserved import SET_BY_DROPLET_PM2, is_account, is_of_the_machinery
from settings.stack import Access
from settings.values import MEMORY

SLOT_OFFSET = 1000
"""The green slot listens this much above the blue one."""
TAKEN_PORTS = {
    "redis": (6379,),
    "rabbitmq": (4369, 5672, 15672, 25672),
}
"""What a backing service on the droplet itself listens on, by its engine."""

_LISTENS = re.compile(r"(?:^|\s)(?:--bind|-b|--uds|--host|--port|-p|--unix-socket)(?:[\s=]|$)")
_FOR_CONTAINERS = ("volumes", "cpu", "autoscale", "metrics", "read_only")


def run(context: Context, product: Product, architecture: BaseModel) -> Iterator[Problem]:
    """What this stack's kind can't carry of its product."""
    if isinstance(architecture, DropletPm2):
        yield from _droplet_pm2(context, product)


def _droplet_pm2(context: Context, product: Product) -> Iterator[Problem]:
    for name, service in product.services.items():
        yield from _pm2_service(f"slipway:product.services.{name}", service)
        yield from _pm2_memory(context, f"slipway:product.services.{name}", service)
    yield from _pm2_ports(product)
    yield from _pm2_backing(product)
    for key, why in (
        ("registry", "droplet-pm2 pulls no image: leave it out"),
        ("logs", "droplet-pm2 keeps logs on the host and ships none: leave it out"),
    ):
        if context.says("product", key):
            yield Problem(f"slipway:product.{key}", why)
    if context.says("product", "release", "images"):
        yield Problem("slipway:product.release.images", "droplet-pm2 releases a commit of the source: leave it out")
    for name, job in product.jobs.items():
        if job.schedule is not None:
            message = "droplet-pm2 runs no scheduled job: let a service with `role: scheduler` queue it"
            yield Problem(f"slipway:product.jobs.{name}.schedule", message)
        if not job.backward_compatible:
            message = (
                "is false, should be true: the old release serves until the new one answers; split the change in two"
            )
            yield Problem(f"slipway:product.jobs.{name}.backward_compatible", message)
    yield from _pm2_variables("slipway:product.environment", product.environment)
    yield from _pm2_accounts(context, product)


def _pm2_variables(path: str, variables: Iterable[str]) -> Iterator[Problem]:
    for variable in variables:
        if variable in SET_BY_DROPLET_PM2:
            yield Problem(f"{path}.{variable}", "droplet-pm2 sets it for each process: leave it out")
        elif is_of_the_machinery(variable):
            yield Problem(f"{path}.{variable}", "is reserved for what starts each process on the droplet: leave it out")


def _pm2_accounts(context: Context, product: Product) -> Iterator[Problem]:
    """Who runs the product on the droplet, and who could log in to it."""
    if product.name is not None and is_account(product.name):
        yield Problem(
            "slipway:product.name",
            f"{product.name} is an account of the host's own, should be another name such as {product.name}-app: "
            "the user that runs the product gets it",
        )
    access = context.blocks.get("access")
    raw = context.raw.get("access")
    given = raw.get("admin_cidrs") if isinstance(raw, Mapping) else None
    if not isinstance(access, Access) or not isinstance(given, list) or not given:
        return
    whole = len(access.admin_cidrs) == len(given) and (access.ssh_from_anywhere or not access.open_ranges)
    if whole and all(ipaddress.ip_network(cidr).version == 6 for cidr in access.admin_cidrs):
        yield Problem(
            "slipway:access.admin_cidrs",
            "has no IPv4 range, should have at least one such as 203.0.113.7/32: the droplet has no IPv6 address, so "
            "nobody could log in",
        )


def _pm2_service(path: str, service: Service) -> Iterator[Problem]:
    if service.image is not None:
        yield Problem(f"{path}.image", "droplet-pm2 runs services from source: say `runtime` and `command` instead")
    for key in _FOR_CONTAINERS:
        if key in service.model_fields_set and getattr(service, key) not in (None, {}):
            yield Problem(f"{path}.{key}", "droplet-pm2 runs plain processes and can't do it: leave it out")
    if service.role == "web" and service.command is not None and _LISTENS.search(service.command):
        message = "says where to listen: leave that out, two releases run side by side and each is told its own place"
        yield Problem(f"{path}.command", message)
    yield from _pm2_variables(f"{path}.environment", service.environment)
    for variable, value in service.environment.items():
        if not isinstance(value, str) and not (variable in SET_BY_DROPLET_PM2 or is_of_the_machinery(variable)):
            message = "droplet-pm2 has one .env for all services: move it to product.environment"
            yield Problem(f"{path}.environment.{variable}", message)


def _pm2_memory(context: Context, path: str, service: Service) -> Iterator[Problem]:
    """A limit that is never reached is none: the droplet would run out of memory first."""
    architecture = context.blocks.get("architecture")
    size = SIZES.get(getattr(architecture, "size", None) or "")
    if size is not None and service.memory is not None and service.memory > size.memory:
        message = (
            f"is {MEMORY.write(service.memory)}, should be at most {MEMORY.write(size.memory)}: the droplet has no more"
        )
        yield Problem(f"{path}.memory", message)


def _pm2_ports(product: Product) -> Iterator[Problem]:
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


def _pm2_backing(product: Product) -> Iterator[Problem]:
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
        given = "should be external with `url: {secret: NAME}`"
        if backing.engine in ("postgres", "mongodb") and backing.provider == "host":
            yield Problem(path, f"is host, {given}: droplet-pm2 keeps no database on the droplet")
        if backing.provider == "managed" and backing.engine != "object-storage":
            choice = given.replace("be ", "be host, or ", 1) if backing.engine in TAKEN_PORTS else given
            yield Problem(path, f"is managed, {choice}: droplet-pm2 makes no managed {backing.engine}")
