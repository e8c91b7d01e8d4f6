"""One model for each kind of architecture. `slipway:architecture` is one of them, chosen by its `kind`.

What a kind can't carry of a product is in `settings.fits`.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from settings import droplets, instances
from settings.masking import shown
from settings.problems import nearest
from settings.values import Memory, Model, Name, PrivateCidr, Text, one_of

Region = Annotated[str, one_of(droplets.REGIONS, "DigitalOcean region")]
DropletSize = Annotated[str, one_of(tuple(droplets.SIZES), "droplet size")]
DropletImage = Annotated[str, one_of(droplets.IMAGES, "image that is known to work")]

MINIMUM_CPUS, MINIMUM_MEMORY, MINIMUM_DISK = 2, 4096, 50
"""The least that a droplet with PM2 needs (requirement FF1): CPUs, MiB, GB."""
_VOLUME = "GiB of a volume that outlives the droplet; it grows and never shrinks"


def _at_least(cpus: int, memory: int, disk: int) -> AfterValidator:
    """A size with this much. One that is too small is told together with those that do."""

    def check(slug: str) -> str:
        size = droplets.SIZES[slug]
        if size.cpus < cpus or size.memory < memory or size.disk < disk:
            enough = ", ".join(droplets.sizes_with(cpus, memory, disk))
            raise ValueError(
                f"{slug} has {size.cpus} CPU, {size.memory / 1024:g} GB, {size.disk} GB of disk; the least is "
                f"{cpus} CPU, {memory // 1024} GB, {disk} GB: one of {enough}"
            )
        return slug

    return AfterValidator(check)


def _compose_image(value: str) -> str:
    known = ", ".join(droplets.COMPOSE_IMAGES)
    if value in droplets.IMAGES and value not in droplets.COMPOSE_IMAGES:
        raise ValueError(f"{value} has no package of Compose v2, should be one of {known}")
    if value not in droplets.COMPOSE_IMAGES:
        hint = nearest(value, droplets.COMPOSE_IMAGES)
        raise ValueError(f"there is no image that is known to work {shown(value)}; {hint}")
    return value


ComposeImage = Annotated[
    str, Text(f"one of {', '.join(droplets.COMPOSE_IMAGES)}", _compose_image, words=droplets.COMPOSE_IMAGES)
]


class DropletPm2(Model):
    """One droplet, no Docker: the product's processes under PM2 behind nginx."""

    kind: Literal["droplet-pm2"]
    region: Region
    size: Annotated[DropletSize, _at_least(MINIMUM_CPUS, MINIMUM_MEMORY, MINIMUM_DISK)] = "s-2vcpu-4gb"
    image: DropletImage = "ubuntu-24-04-x64"
    network: PrivateCidr = Field(default=droplets.NETWORK, description="the VPC's range")
    backups: Literal["off", "weekly", "daily"] = "weekly"
    volume: int | None = Field(default=None, ge=1, le=16384, description=_VOLUME)
    reserved_address: bool = Field(default=True, description="an address that outlives the droplet")
    swap: Memory = Field(default=2048, validate_default=False)


class DropletCompose(Model):
    """One droplet with Docker: the product's containers, and what backs them, behind the host's nginx."""

    kind: Literal["droplet-compose"]
    region: Region
    size: Annotated[DropletSize, _at_least(2, 2048, 50)] = "s-2vcpu-2gb"  # requirement DV1
    image: ComposeImage = "ubuntu-24-04-x64"
    network: PrivateCidr = Field(default=droplets.NETWORK, description="the VPC's range")
    backups: Literal["off", "weekly", "daily"] = "weekly"
    volume: int | None = Field(default=None, ge=1, le=16384, description=_VOLUME)
    reserved_address: bool = Field(default=True, description="an address that outlives the droplet")
    swap: Memory = Field(default=1024, validate_default=False, description="for a release, when both slots run")


class ManagedBalancer(Model):
    """DigitalOcean's load balancer. Its certificate needs names that DigitalOcean keeps."""

    provider: Literal["managed"]
    nodes: int = Field(default=1, ge=1, le=100)
    encrypt_to_hosts: bool = Field(
        default=False, description="HTTPS from the balancer to the hosts too, which listen for both"
    )


class HAProxyBalancer(Model):
    """HAProxy on a droplet of its own."""

    provider: Literal["haproxy"]
    size: DropletSize = "s-1vcpu-1gb"


Balancer = Annotated[ManagedBalancer | HAProxyBalancer, Field(discriminator="provider")]


_ONE_BY_ONE = "another size powers all of them off at once, unless they are targeted one by one (docs/operations.md)"


class FleetCompose(Model):
    """Several droplets with Docker behind a load balancer, released as one."""

    kind: Literal["fleet-compose"]
    region: Region
    size: Annotated[DropletSize, _at_least(1, 2048, 50)] = Field(
        default="s-2vcpu-4gb", description=f"each host of the product; {_ONE_BY_ONE}"
    )
    image: ComposeImage = "ubuntu-24-04-x64"
    network: PrivateCidr = Field(default=droplets.NETWORK, description="the VPC's range")
    backups: Literal["off", "weekly", "daily"] = "off"  # hosts hold no data, unless they back the product
    swap: Memory = Field(default=1024, validate_default=False, description="for a release, when both slots run")
    hosts: int = Field(default=2, ge=1, le=50, description="1 to 50")
    data_size: Annotated[DropletSize, _at_least(1, 2048, 50)] = Field(
        default="s-2vcpu-4gb",
        description=f"each host of the backing services whose provider is host; {_ONE_BY_ONE}",
    )
    balancer: Balancer = ManagedBalancer(provider="managed")
    share: int | None = Field(
        default=None,
        ge=50,
        le=32768,
        description="GiB, from 50 to 32768, of a share (NFS) that every host keeps the services' volumes on; it grows "
        "and never shrinks",
    )


AppRegion = Annotated[str, one_of(instances.REGIONS, "data centre of the App Platform")]
_INSTANCE_SIZES = (*instances.STEPS, *instances.INSTANCES)


def _instance_size(value: str) -> str:
    if value not in _INSTANCE_SIZES:
        near = difflib.get_close_matches(value[:80], _INSTANCE_SIZES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"should be one of {', '.join(_INSTANCE_SIZES)}"
        raise ValueError(f"there is no instance size {shown(value)} of the App Platform; {hint}")
    return value


InstanceSize = Annotated[str, Text(f"one of {', '.join(_INSTANCE_SIZES)}", _instance_size, words=_INSTANCE_SIZES)]


class AppPlatform(Model):
    """DigitalOcean's App Platform: the product's containers, and no host of ours. A size is the platform's own, or a
    step of growth: launch, growth, scale."""

    kind: Literal["app-platform"]
    region: AppRegion
    network: PrivateCidr = Field(default=droplets.NETWORK, description="the VPC's range")
    size: InstanceSize = Field(default="launch", description="of each instance of each service")
    sizes: dict[Name, InstanceSize] = Field(default_factory=dict, description="of single services, in place of `size`")

    def size_of(self, service: str) -> str:
        """The platform's own name of the size that a service's instances have."""
        return instances.slug(self.sizes.get(service, self.size))


WithHosts = DropletPm2 | DropletCompose | FleetCompose
"""The kinds whose machines somebody may log in to."""
Architecture = Annotated[WithHosts | AppPlatform, Field(discriminator="kind")]
KINDS: dict[str, type[Model]] = {
    "droplet-pm2": DropletPm2,
    "droplet-compose": DropletCompose,
    "fleet-compose": FleetCompose,
    "app-platform": AppPlatform,
}
"""Each kind by its name. A kind that is added to the program is added here."""
WITHOUT_HOSTS = frozenset({"app-platform"})
"""Kinds that have no machine of ours: nobody logs in."""

_Kind = TypeVar("_Kind", bound=Model)


def of_kind(architecture: Model, kind: type[_Kind]) -> _Kind:
    """`architecture`, which is of this kind: nothing else asks for what only one kind has."""
    if not isinstance(architecture, kind):
        raise TypeError(f"{type(architecture).__name__} is no {kind.__name__}")
    return architecture


def with_hosts(architecture: Model) -> WithHosts:
    """`architecture`, which is of a kind with hosts: nothing else asks what they are like."""
    if not isinstance(architecture, WithHosts):
        raise TypeError(f"{type(architecture).__name__} has no hosts")
    return architecture
