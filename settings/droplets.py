"""DigitalOcean's regions and droplet sizes, as a dated table, so that a mistake costs a second and not a failed `up`.

Source: DigitalOcean's public price list, USD a month. The regular, CPU-optimized and general-purpose sizes were read in
2026-11; the premium and memory-optimized ones are of the list of 2025. `GET /v2/sizes` says what holds for an account.
A test compares the slugs with those of the provider's package. Sizes that are sold to some accounts only (GPU,
storage-optimized, the newest generations) are left out.
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
    "s-1vcpu-512mb-10gb": DropletSize(1, 512, 10, 4),
    "s-1vcpu-1gb": DropletSize(1, 1024, 25, 6),
    "s-1vcpu-2gb": DropletSize(1, 2048, 50, 12),
    "s-2vcpu-2gb": DropletSize(2, 2048, 60, 18),
    "s-2vcpu-4gb": DropletSize(2, 4096, 80, 24),
    "s-4vcpu-8gb": DropletSize(4, 8192, 160, 48),
    "s-8vcpu-16gb": DropletSize(8, 16384, 320, 96),
    # shared CPU, premium: NVMe disks and newer processors
    "s-1vcpu-1gb-amd": DropletSize(1, 1024, 25, 7),
    "s-1vcpu-1gb-intel": DropletSize(1, 1024, 25, 7),
    "s-1vcpu-2gb-amd": DropletSize(1, 2048, 50, 14),
    "s-1vcpu-2gb-intel": DropletSize(1, 2048, 50, 14),
    "s-2vcpu-2gb-amd": DropletSize(2, 2048, 60, 21),
    "s-2vcpu-2gb-intel": DropletSize(2, 2048, 60, 21),
    "s-2vcpu-4gb-amd": DropletSize(2, 4096, 80, 28),
    "s-2vcpu-4gb-intel": DropletSize(2, 4096, 80, 28),
    "s-4vcpu-8gb-amd": DropletSize(4, 8192, 160, 56),
    "s-4vcpu-8gb-intel": DropletSize(4, 8192, 160, 56),
    "s-8vcpu-16gb-amd": DropletSize(8, 16384, 320, 112),
    "s-8vcpu-16gb-intel": DropletSize(8, 16384, 320, 112),
    "s-2vcpu-8gb-amd": DropletSize(2, 8192, 100, 42),
    "s-4vcpu-16gb-amd": DropletSize(4, 16384, 200, 84),
    "s-8vcpu-32gb-amd": DropletSize(8, 32768, 400, 168),
    # the same with a larger disk
    "s-1vcpu-1gb-35gb-intel": DropletSize(1, 1024, 35, 8),
    "s-1vcpu-2gb-70gb-intel": DropletSize(1, 2048, 70, 16),
    "s-2vcpu-2gb-90gb-intel": DropletSize(2, 2048, 90, 24),
    "s-2vcpu-4gb-120gb-intel": DropletSize(2, 4096, 120, 32),
    "s-2vcpu-8gb-160gb-intel": DropletSize(2, 8192, 160, 48),
    "s-4vcpu-8gb-240gb-intel": DropletSize(4, 8192, 240, 64),
    "s-4vcpu-16gb-320gb-intel": DropletSize(4, 16384, 320, 96),
    "s-8vcpu-16gb-480gb-intel": DropletSize(8, 16384, 480, 128),
    "s-8vcpu-32gb-640gb-intel": DropletSize(8, 32768, 640, 192),
    # CPU-optimized; c2 has twice the disk
    "c-2": DropletSize(2, 4096, 25, 42),
    "c2-2vcpu-4gb": DropletSize(2, 4096, 50, 47),
    "c-4": DropletSize(4, 8192, 50, 84),
    "c2-4vcpu-8gb": DropletSize(4, 8192, 100, 94),
    "c-8": DropletSize(8, 16384, 100, 168),
    "c2-8vcpu-16gb": DropletSize(8, 16384, 200, 188),
    # general purpose; gd has twice the disk
    "g-2vcpu-8gb": DropletSize(2, 8192, 25, 63),
    "gd-2vcpu-8gb": DropletSize(2, 8192, 50, 68),
    "g-4vcpu-16gb": DropletSize(4, 16384, 50, 126),
    "gd-4vcpu-16gb": DropletSize(4, 16384, 100, 136),
    "g-8vcpu-32gb": DropletSize(8, 32768, 100, 252),
    "gd-8vcpu-32gb": DropletSize(8, 32768, 200, 272),
    # memory-optimized
    "m-2vcpu-16gb": DropletSize(2, 16384, 50, 84),
    "m-4vcpu-32gb": DropletSize(4, 32768, 100, 168),
    "m-8vcpu-64gb": DropletSize(8, 65536, 200, 336),
}

REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
SPACES_REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
IMAGES = ("ubuntu-24-04-x64", "ubuntu-22-04-x64", "debian-13-x64", "debian-12-x64")


def sizes_with(cpus: int, memory: int, disk: int) -> list[str]:
    """The sizes that have at least this much, the cheapest first."""
    fitting = {
        slug: size for slug, size in SIZES.items() if size.cpus >= cpus and size.memory >= memory and size.disk >= disk
    }
    return sorted(fitting, key=lambda slug: (fitting[slug].price, slug))
