"""DigitalOcean's regions and droplet sizes, as a dated table, so that a mistake costs a second and not a failed `up`.

Source: DigitalOcean's public price list, USD a month. Every price below was read there in 2026-11: the regular sizes
from s-1vcpu-1gb to s-8vcpu-16gb, g-2vcpu-8gb and g-4vcpu-16gb, c-2, c-4 and c-8. Sizes whose price was not read
(s-1vcpu-512mb-10gb, the premium -intel and -amd ones, c2-, gd-, m-, larger general-purpose ones, GPU) are left out: a
plan would state a price that nobody has seen. One that is added comes with its price as read. CPUs, memory and disk are
DigitalOcean's documented ones; a test compares slugs, CPUs and memory with the names in the provider's package.
`GET /v2/sizes` says what holds for an account.
"""

from __future__ import annotations

from typing import NamedTuple

AS_OF = "2026-11"


class DropletSize(NamedTuple):
    """What one size has and costs: memory in MiB, disk in GB, USD a month."""

    cpus: int
    memory: int
    disk: int
    price: float


SIZES: dict[str, DropletSize] = {
    # shared CPU, regular
    "s-1vcpu-1gb": DropletSize(1, 1024, 25, 6),
    "s-1vcpu-2gb": DropletSize(1, 2048, 50, 12),
    "s-2vcpu-2gb": DropletSize(2, 2048, 60, 18),
    "s-2vcpu-4gb": DropletSize(2, 4096, 80, 24),
    "s-4vcpu-8gb": DropletSize(4, 8192, 160, 48),
    "s-8vcpu-16gb": DropletSize(8, 16384, 320, 96),
    # CPU-optimized
    "c-2": DropletSize(2, 4096, 25, 42),
    "c-4": DropletSize(4, 8192, 50, 84),
    "c-8": DropletSize(8, 16384, 100, 168),
    # general purpose
    "g-2vcpu-8gb": DropletSize(2, 8192, 25, 63),
    "g-4vcpu-16gb": DropletSize(4, 16384, 50, 126),
}

REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
SPACES_REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
IMAGES = ("ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-13-x64", "debian-12-x64")
COMPOSE_IMAGES = ("ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-13-x64")
"""Those whose distribution packages Docker with Compose v2. Debian 12's `docker-compose` is version 1."""


def sizes_with(cpus: int, memory: int, disk: int) -> list[str]:
    """The sizes that have at least this much, the cheapest first."""
    fitting = {
        slug: size for slug, size in SIZES.items() if size.cpus >= cpus and size.memory >= memory and size.disk >= disk
    }
    return sorted(fitting, key=lambda slug: (fitting[slug].price, slug))
