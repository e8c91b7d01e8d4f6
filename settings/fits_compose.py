"""What hosts that run containers can't carry of a product: one droplet with Docker, or a fleet of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from settings import commands, connections, fits_hosts, fits_images, fits_memory
from settings.backing import MongoDB, Redis
from settings.context import Context
from settings.droplets import SIZES
from settings.fits_memory import Wanted
from settings.kinds import DropletCompose, FleetCompose, ManagedBalancer
from settings.placement import MONGODB_MIB, data_hosts, hosted, memory_apart, memory_beside
from settings.problems import Problem
from settings.product import Product, Service
from settings.quantity import MEMORY
from settings.reserved import OF_DOCKER
from settings.stack import Dns

_EXTERNAL = "should be external with `url: {secret: NAME}`"


def droplet(context: Context, product: Product, architecture: DropletCompose) -> Iterator[Problem]:
    """Everything that one droplet can't carry."""
    yield from _product(context, product, architecture.kind)
    yield from connections.run(product, hosts=1)
    for name, backing in hosted(product).items():
        path = f"slipway:product.backing.{name}"
        if isinstance(backing, MongoDB) and backing.members > 1:
            message = f"is {backing.members}, should be 1: a replica set of three needs three hosts"
            yield Problem(f"{path}.members", f"{message}, which fleet-compose has")
        if backing.volume is not None:
            message = "the droplet has one volume for all: leave it out, and say `volume` in slipway:architecture"
            yield Problem(f"{path}.volume", message)

    def beside(host: int) -> Wanted:
        backing = {f"backing.{name}": (1, memory_beside(backing, host)) for name, backing in hosted(product).items()}
        return {**fits_memory.services(product), **backing}

    size, again = fits_hosts.size_of(context), fits_memory.second_slot(product)
    yield from fits_memory.run("slipway:architecture.size", size, beside, again, architecture.swap)


def fleet(context: Context, product: Product, architecture: FleetCompose) -> Iterator[Problem]:
    """Everything that a fleet can't carry."""
    yield from _product(context, product, architecture.kind)
    yield from connections.run(product, architecture.hosts)
    yield from _volumes(context, product, architecture.hosts)
    yield from _one_of_each(product)
    size, again = fits_hosts.size_of(context), fits_memory.second_slot(product)
    yield from fits_memory.run(
        "slipway:architecture.size", size, lambda _: fits_memory.services(product), again, architecture.swap
    )

    def apart(host: int) -> Wanted:  # the first data host has the most to carry: all of them
        carried = hosted(product)
        return {f"backing.{name}": (1, memory_apart(backing, host, len(carried))) for name, backing in carried.items()}

    yield from fits_memory.run("slipway:architecture.data_size", fits_hosts.size_of(context, "data_size"), apart)
    if context.says("architecture", "data_size") and not data_hosts(product):
        message = "is for hosts of backing services, and none has the provider host: leave it out"
        yield Problem("slipway:architecture.data_size", message)
    if isinstance(architecture.balancer, ManagedBalancer):
        yield from _certificate(context)


def _volumes(context: Context, product: Product, hosts: int) -> Iterator[Problem]:
    """What services keep is on a share, which all hosts have in common, or else in a bucket."""
    keeping = [name for name, service in product.services.items() if service.volumes]
    if context.says("architecture", "share"):
        if not keeping:
            message = "is for the volumes of services, and none has any: leave it out, or say `volumes` of a service"
            yield Problem("slipway:architecture.share", message)
        return
    disk = f"each of {hosts} hosts" if hosts > 1 else "a host that may get others"
    for name in keeping:
        either = f"is on the local disk of {disk}, which share none: say `share: 50` in slipway:architecture"
        message = f"{either}, or leave it out and keep uploads in a backing service `engine: object-storage`"
        yield Problem(f"slipway:product.services.{name}.volumes", message)


def _product(context: Context, product: Product, kind: str) -> Iterator[Problem]:
    for name, service in product.services.items():
        yield from _service(f"slipway:product.services.{name}", service, kind, fits_hosts.size_of(context))
    yield from commands.in_containers(product)
    yield from fits_images.product(context, kind)
    yield from fits_images.names(product)
    if context.says("product", "logs"):
        yield Problem("slipway:product.logs", f"{kind} keeps logs on its hosts and ships none yet: leave it out")
    if product.name in OF_DOCKER:
        message = f"{product.name} is taken on a host with Docker, should be another name such as {product.name}-app"
        yield Problem("slipway:product.name", f"{message}: the product's network and its place in /opt get it")
    yield from _backing(product, kind)
    yield from _variables("slipway:product.environment", product.environment)
    yield from fits_hosts.jobs(product, kind)
    yield from fits_hosts.admins(context)


def _service(path: str, service: Service, kind: str, size: str | None) -> Iterator[Problem]:
    if path.rpartition(".")[2].startswith("dump-"):
        yield Problem(path, "starts as the names of database dumps do, should be another name")
    yield from fits_images.service(path, service, kind)
    if service.autoscale is not None:
        yield Problem(f"{path}.autoscale", f"{kind} runs as many as `replicas` says: leave it out")
    if service.cpu is not None and size is not None and service.cpu > SIZES[size].cpus:
        message = f"is {service.cpu:g}, should be at most {SIZES[size].cpus}: the droplet has no more"
        yield Problem(f"{path}.cpu", message)
    yield from fits_hosts.memory(path, service, size)
    yield from _variables(f"{path}.environment", service.environment)


def _variables(path: str, variables: Iterable[str]) -> Iterator[Problem]:
    for variable in variables:
        if variable.startswith("SLIPWAY_"):
            yield Problem(f"{path}.{variable}", "is reserved for what starts each container: leave it out")


def _backing(product: Product, kind: str) -> Iterator[Problem]:
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}"
        if backing.engine == "rabbitmq" and backing.provider in ("host", "managed"):
            yield Problem(f"{path}.provider", f"is {backing.provider}, {_EXTERNAL}: {kind} runs no rabbitmq")
        if isinstance(backing, MongoDB) and backing.memory is not None and backing.memory < MONGODB_MIB:
            message = f"is {MEMORY.write(backing.memory)}, should be at least {MEMORY.write(MONGODB_MIB)}"
            yield Problem(f"{path}.memory", f"{message}: its cache takes 256Mi, and mongod as much as half of that")
        if isinstance(backing, Redis) and backing.provider == "host" and backing.version == 6 and not backing.image:
            message = "is 6, should be 7, 8, 9 or left out: hosts run Valkey, which has no 6"
            yield Problem(f"{path}.version", message)


def _one_of_each(product: Product) -> Iterator[Problem]:
    """Backing services of one engine would share a data host, and its port."""
    first: dict[str, str] = {}
    for name, backing in hosted(product).items():
        if backing.engine in first:
            other = first[backing.engine]
            message = f"is host, as {other} is: fleet-compose runs one {backing.engine}, use {other} for both"
            yield Problem(f"slipway:product.backing.{name}.provider", message)
        first.setdefault(backing.engine, name)


def _certificate(context: Context) -> Iterator[Problem]:
    """DigitalOcean's balancer gets its certificate from Let's Encrypt by DigitalOcean's own name servers."""
    dns = context.blocks.get("dns")
    if isinstance(dns, Dns) and dns.provider not in (None, "digitalocean"):
        yield Problem(
            "slipway:dns.provider",
            f"is {dns.provider}, should be digitalocean: the managed balancer's certificate needs it; or say "
            "`balancer: {provider: haproxy}`",
        )
    if context.says("certificates", "authority"):
        message = "is for certificates that hosts get themselves, the managed balancer has DigitalOcean's: leave it out"
        yield Problem("slipway:certificates.authority", message)
