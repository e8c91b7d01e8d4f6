"""Everything that a host is told that runs containers: one droplet, or one of a fleet's, and the hosts of its data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostfiles import (
    compose,
    compose_units,
    data_services,
    docker,
    dumps,
    environment,
    maintenance,
    nginx,
    share,
    sshd,
    systemd,
    web_host,
)
from hostfiles.environment import Facts
from hostfiles.manifest import Directory, File, Firewall, Manifest
from hostfiles.nginx_proxy import Front
from settings.droplets import SIZES
from settings.kinds import DropletCompose, FleetCompose, ManagedBalancer, of_kind, with_hosts
from settings.placement import data_volume
from settings.product import Product, Service
from settings.slots import slot_ports
from settings.stack import Settings

FREE_MIB = 2048
"""A release does not start with less free disk, in MiB: its images come beside those that serve."""
Variables = Mapping[str, Mapping[str, str]]
"""The variables of each service's containers."""

_DEBUG_FLAG = re.compile(r"(?:.*_)?DEBUG(?:_.*)?")


def front(settings: Settings) -> Front | None:
    """What ends TLS before a host; None where the host does so itself."""
    architecture = settings.architecture
    if not isinstance(architecture, FleetCompose):
        return None
    return Front(architecture.network, isinstance(architecture.balancer, ManagedBalancer))


def backing_facts(
    settings: Settings, passwords: Mapping[str, str], hosts: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """How services reach the backing services on our own hosts, by name; `hosts` are a fleet's data hosts' private
    addresses, in their order."""
    return data_services.facts(settings.product, passwords, hosts)


def variables(
    settings: Settings, secrets: Mapping[str, str], generated: Mapping[str, str], facts: Facts
) -> dict[str, dict[str, str]]:
    """The variables of every service; see environment.service_variables."""
    return {
        name: environment.service_variables(settings, name, secrets, generated, facts)
        for name in settings.product.services
    }


def manifest(
    settings: Settings,
    variables: Variables,
    facts: Facts,
    passwords: Mapping[str, str],
    registry_token: str | None = None,
    hostname: str | None = None,
    shared: str | None = None,
) -> Manifest:
    """A host of the product, whole: the one droplet, or, with its own `hostname`, one of a fleet's.

    `facts` are of every backing service, the external ones too; `passwords` of those on our own hosts. `shared` is
    where a fleet's share is mounted from, as `<address>:<path>`.
    """
    product, before = settings.product, front(settings)
    place = _place(settings)
    packages = {*web_host.packages(before), *docker.PACKAGES, *(share.PACKAGES if shared else ())}
    return Manifest(
        product=product.name,
        hostname=hostname or settings.name,
        swap_mib=with_hosts(settings.architecture).swap,
        packages=tuple(sorted(packages)),
        toolchain=None,
        users=tuple(sshd.users()),
        directories=(*_directories(settings), *web_host.directories(), *docker.directories()),
        files=(
            *web_host.nginx_files(settings, before),
            *web_host.release_files(settings, release_config(settings), before),
            *_product_files(product, variables),
            *dumps.files(product, facts),
            *data_services.files(product, place, passwords),
            *docker.files(product, settings.architecture.network, registry_token, _volumes(product, place)),
            *sshd.files(settings.access.ssh_keys),
            *compose_units.files(settings, before),
            *share.files(product, shared),
            *maintenance.files(),
        ),
        absent=("/etc/nginx/sites-enabled/default", *docker.absent(registry_token)),
        units=(
            *web_host.units(before),
            *docker.units(),
            *data_services.units(place),
            *compose_units.units(settings, before),
            *share.units(product, shared),
        ),
        firewall=Firewall(settings.access.admin_cidrs, _ports(before)),
        certificate=web_host.certificate(settings) if before is None else None,
    )


def data_manifest(
    settings: Settings,
    number: int,
    hosts: Sequence[str],
    passwords: Mapping[str, str],
    hostname: str,
    registry_token: str | None = None,
) -> Manifest:
    """A fleet's data host, whole: the one with this `number` among `hosts`, which are all their private addresses."""
    product, architecture = settings.product, of_kind(settings.architecture, FleetCompose)
    place = data_services.apart(product, SIZES[architecture.data_size].memory, hosts, number)
    published = data_services.published(product, place, architecture.network)
    gib = data_volume(product, number)
    volume = None if gib is None else systemd.Volume(hostname, gib)
    volumes = data_services.volumes(product, place)
    root = f"/opt/{product.name}"
    return Manifest(
        product=product.name,
        hostname=hostname,
        swap_mib=architecture.swap,
        packages=tuple(sorted({"python3", *maintenance.packages(), *docker.PACKAGES})),
        toolchain=None,
        users=tuple(sshd.users()),
        directories=(
            *(Directory(f"{root}{path}", mode) for path, mode in _data_directories(volume)),
            Directory("/var/lib/slipway", "0700"),
            Directory("/etc/slipway"),
            *sshd.directories(),
            *maintenance.directories(),
            *docker.directories(),
        ),
        files=(
            *data_services.files(product, place, passwords),
            *docker.files(product, architecture.network, registry_token, volumes, published),
            *sshd.files(settings.access.ssh_keys),
            *compose_units.data_files(product, volume),
            *maintenance.files(),
        ),
        absent=docker.absent(registry_token),
        units=(
            *maintenance.units(),
            *docker.units(),
            *data_services.units(place),
            *compose_units.data_units(product, volume),
        ),
        firewall=Firewall(settings.access.admin_cidrs, ()),
        certificate=None,
    )


def release_config(settings: Settings) -> dict[str, Any]:
    """release.json: how to start and check the product. It holds no secret and names no image of the product's."""
    product, before = settings.product, front(settings)
    ordered = product.services_of("web", "worker", "scheduler")
    ports = slot_ports(product)
    tls = before is None or _is_spoken_to_over_tls(settings)
    return {
        "kind": "compose",
        "product": product.name,
        "root": f"/opt/{product.name}",
        "domain": product.domain,
        "keep": web_host.KEPT_RELEASES,
        "drain_seconds": web_host.DRAIN_SECONDS,
        "min_free_mib": FREE_MIB,
        "services": [_service(name, service, ports) for name, service in ordered.items()],
        "jobs": web_host.jobs(product),
        "verify": web_host.verified(product),
        "front": {"port": 443 if tls else 80, "tls": tls},
        "dumps": dumps.described(product),
        "must_not_be_true": _debug_flags(product),
    }


def release_request(settings: Settings, variables: Variables, owner: str) -> dict[str, Any]:
    """What `slipway release` is asked for. `revision` changes with anything that a running release was started with."""
    product, before = settings.product, front(settings)
    started_with = [
        web_host.release_json(release_config(settings)),
        compose.text(compose.release(product)),
        nginx.site(settings, with_hosts(settings.architecture), before),
        *(f"{name}\n{environment.compose_env_file(variables[name])}" for name in product.services),
    ]
    return {
        "images": dict(product.release.images),
        "services": {name: service.image for name, service in product.services.items()},
        "versions": dict(product.release.versions),
        "backward_compatible": {name: job.backward_compatible for name, job in product.jobs.items() if job.when},
        "revision": hashlib.sha256("\0".join(started_with).encode()).hexdigest(),
        "owner": owner,
        "take_over": False,
    }


def _place(settings: Settings) -> data_services.Place:
    """What of the data is on a host of the product."""
    architecture = with_hosts(settings.architecture)
    memory = SIZES[architecture.size].memory
    if isinstance(architecture, DropletCompose):
        return data_services.beside(settings.product, memory)
    return data_services.Place(memory, ())


def _ports(before: Front | None) -> tuple[int, ...]:
    """What visitors, or the balancer, may reach."""
    return (80, 443) if before is None or before.may_encrypt else (80,)


def _is_spoken_to_over_tls(settings: Settings) -> bool:
    """Whether a fleet's balancer does: then a release is verified so, before the balancer changes over."""
    architecture = settings.architecture
    balancer = architecture.balancer if isinstance(architecture, FleetCompose) else None
    return isinstance(balancer, ManagedBalancer) and balancer.encrypt_to_hosts


def _directories(settings: Settings) -> list[Directory]:
    root = f"/opt/{settings.product.name}"
    modes = {
        **dict(_data_directories(compose_units.volume(settings))),
        "/backups": "0700",
        "/logs": "0700",
        "/releases": "0711",  # nginx looks below for which slot serves
        "/slots": "0755",
    }
    return [Directory(f"{root}{path}", mode) for path, mode in modes.items()]


def _data_directories(volume: systemd.Volume | None) -> list[tuple[str, str]]:
    """What every host with containers has. A volume is mounted on a directory that systemd makes."""
    data = [("/data", "0700")] if volume is None else []
    return [("", "0755"), ("/env", "0700"), ("/compose", "0700"), *data]


def _product_files(product: Product, variables: Variables) -> list[File]:
    """What a release takes a copy of."""
    root = f"/opt/{product.name}"
    text = compose.text(compose.release(product))
    told = {name: environment.compose_env_file(variables[name]) for name in product.services}
    return [
        File(f"{root}/compose/docker-compose.prod.yml", text, "0600"),
        *(File(f"{root}/env/{name}.env", content, "0600") for name, content in told.items()),
    ]


def _volumes(product: Product, place: data_services.Place) -> list[docker.Volume]:
    """What services keep, beside what backing services do."""
    folder = docker.DATA.format(product=product.name)
    owners: dict[str, str] = {}
    for service in product.services.values():
        for name in service.volumes:
            owners[name] = service.user or owners.get(name, "0:0")
    kept = [
        docker.Volume(compose.volume(product.name, name), f"{folder}/_volumes/{name}", owner)
        for name, owner in sorted(owners.items())
    ]
    return [*data_services.volumes(product, place), *kept]


def _service(name: str, service: Service, ports: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "role": service.role,
        "port": service.port,
        "health": service.health,
        "ready": service.ready,
        "replicas": service.replicas,
        "start_within": service.start_within,
        "stop_after": service.stop_after,
        "ports": {slot: list(range_) for slot, range_ in ports[name].items()} if name in ports else {},
    }


def _debug_flags(product: Product) -> list[str]:
    """Variables that would show visitors what is inside, were they true."""
    named = {"DEBUG", *product.environment}
    named |= {variable for service in product.services.values() for variable in service.environment}
    return sorted(variable for variable in named if _DEBUG_FLAG.fullmatch(variable))
