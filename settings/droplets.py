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
NETWORK = "10.100.0.0/20"
"""The VPC's range where none is said. DigitalOcean keeps it to itself in no region."""
RESERVED_RANGES = ("10.229.0.0/16", "10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24")
"""What DigitalOcean keeps to itself in every region, so that no VPC may have any of it (its documentation, VPC limits,
validated in August 2025)."""
RESERVED_IN = {
    "ams3": "10.18.0.0/16",
    "atl1": "10.50.0.0/16",
    "blr1": "10.47.0.0/16",
    "fra1": "10.19.0.0/16",
    "lon1": "10.16.0.0/16",
    "nyc1": "10.10.0.0/16",
    "nyc2": "10.13.0.0/16",
    "nyc3": "10.17.0.0/16",
    "sfo2": "10.46.0.0/16",
    "sfo3": "10.48.0.0/16",
    "sgp1": "10.15.0.0/16",
    "syd1": "10.49.0.0/16",
    "tor1": "10.29.0.0/16",
}
"""What it keeps to itself in one region (the same page)."""
IMAGES = ("ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-13-x64", "debian-12-x64")
COMPOSE_IMAGES = ("ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-13-x64")
"""Those whose distribution packages Docker with Compose v2. Debian 12's `docker-compose` is version 1."""


def sizes_with(cpus: int, memory: int, disk: int) -> list[str]:
    """The sizes that have at least this much, the cheapest first."""
    fitting = {
        slug: size for slug, size in SIZES.items() if size.cpus >= cpus and size.memory >= memory and size.disk >= disk
    }
    return sorted(fitting, key=lambda slug: (fitting[slug].price, slug))
