"""What DigitalOcean sells and where: the slugs that its API knows, as a dated table.

Kept apart from the program's own table on purpose: the rehearsal is there to find its mistakes. Sources, read 2026-11:
the price list, `GET /v2/sizes` and `/v2/regions` as documented, `SpacesRegions` in terraform-provider-digitalocean.
"""

from __future__ import annotations

from typing import NamedTuple

AS_OF = "2026-11"


class Size(NamedTuple):
    """vCPUs, memory in MiB, disk in GB, USD a month."""

    vcpus: int
    memory: int
    disk: int
    price: float


SIZES = {
    "s-1vcpu-512mb-10gb": Size(1, 512, 10, 4),
    "s-1vcpu-1gb": Size(1, 1024, 25, 6),
    "s-1vcpu-2gb": Size(1, 2048, 50, 12),
    "s-2vcpu-2gb": Size(2, 2048, 60, 18),
    "s-2vcpu-4gb": Size(2, 4096, 80, 24),
    "s-4vcpu-8gb": Size(4, 8192, 160, 48),
    "s-8vcpu-16gb": Size(8, 16384, 320, 96),
    "g-2vcpu-8gb": Size(2, 8192, 25, 63),
    "g-4vcpu-16gb": Size(4, 16384, 50, 126),
    "c-2": Size(2, 4096, 25, 42),
    "c-4": Size(4, 8192, 50, 84),
    "c-8": Size(8, 16384, 100, 168),
}
REGIONS = frozenset(
    ["ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"]
)
KNOWN_REGIONS = REGIONS | {"ams2", "nyc4", "sfo1"}
"""With those that exist but take no new droplets."""
SPACES_REGIONS = frozenset(["ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"])
# nyc2, sfo2 and atl1 lack part of the dedicated sizes; a stand-in for `size.regions`
ABSENT = {"nyc2": frozenset({"g-2vcpu-8gb", "g-4vcpu-16gb"}), "sfo2": frozenset({"g-2vcpu-8gb", "g-4vcpu-16gb"})}
IMAGES = frozenset(
    [
        "ubuntu-22-04-x64",
        "ubuntu-24-04-x64",
        "ubuntu-25-10-x64",
        "ubuntu-26-04-x64",
        "debian-12-x64",
        "debian-13-x64",
        "fedora-42-x64",
        "rockylinux-9-x64",
        "almalinux-9-x64",
        "docker-20-04",
    ]
)
HOURS_A_MONTH = 672
"""A month is billed as at most 672 hours."""


def offers(size: str, region: str) -> bool:
    """Whether a droplet of the size can be made in the region."""
    return size not in ABSENT.get(region, frozenset())
