"""One model for each kind of architecture. `slipway:architecture` is one of them, chosen by its `kind`.

What a kind can't carry of a product is in `settings.fits`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings import droplets
from settings.values import Memory, Model, PrivateCidr, one_of

Region = Annotated[str, one_of(droplets.REGIONS, "DigitalOcean region")]
DropletSize = Annotated[str, one_of(tuple(droplets.SIZES), "droplet size")]
DropletImage = Annotated[str, one_of(droplets.IMAGES, "image that is known to work")]

MINIMUM_CPUS, MINIMUM_MEMORY, MINIMUM_DISK = 2, 4096, 50
"""The least that a droplet with PM2 needs (requirement FF1): CPUs, MiB, GB."""


def _large_enough(slug: str) -> str:
    size = droplets.SIZES[slug]
    if size.cpus < MINIMUM_CPUS or size.memory < MINIMUM_MEMORY or size.disk < MINIMUM_DISK:
        enough = ", ".join(droplets.sizes_with(MINIMUM_CPUS, MINIMUM_MEMORY, MINIMUM_DISK))
        raise ValueError(
            f"{slug} has {size.cpus} CPU, {size.memory / 1024:g} GB, {size.disk} GB of disk; the least is "
            f"{MINIMUM_CPUS} CPU, {MINIMUM_MEMORY // 1024} GB, {MINIMUM_DISK} GB: one of {enough}"
        )
    return slug


class DropletPm2(Model):
    """One droplet, no Docker: the product's processes under PM2 behind nginx."""

    kind: Literal["droplet-pm2"]
    region: Region
    size: Annotated[DropletSize, AfterValidator(_large_enough)] = "s-2vcpu-4gb"
    image: DropletImage = "ubuntu-24-04-x64"
    network: PrivateCidr = Field(default="10.10.0.0/20", description="the VPC's range")
    backups: Literal["off", "weekly", "daily"] = "weekly"
    volume: int | None = Field(default=None, ge=1, le=16384, description="GiB of a volume that outlives the droplet")
    reserved_address: bool = Field(default=True, description="an address that outlives the droplet")
    swap: Memory = Field(default=2048, validate_default=False)


Architecture = DropletPm2
KINDS: dict[str, type[Model]] = {"droplet-pm2": DropletPm2}
"""Each kind by its name. A kind that is added to the program is added here."""
