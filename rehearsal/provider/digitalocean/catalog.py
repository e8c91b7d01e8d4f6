"""What DigitalOcean sells and where, as far as the rehearsal knows it.

The rows of `SIZES` are a copy of the program's own table (settings/droplets.py, dated there), not a second source.
Tests check what can be checked without an account: the slugs against the provider package's `DropletSlug`, vCPUs and
memory against the slugs. Nothing here checks disks and prices. `IMAGES` are those that the program accepts; the cloud
has more.
"""

from __future__ import annotations

from typing import NamedTuple


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
    "s-1vcpu-1gb-amd": Size(1, 1024, 25, 7),
    "s-1vcpu-1gb-intel": Size(1, 1024, 25, 7),
    "s-1vcpu-2gb-amd": Size(1, 2048, 50, 14),
    "s-1vcpu-2gb-intel": Size(1, 2048, 50, 14),
    "s-2vcpu-2gb-amd": Size(2, 2048, 60, 21),
    "s-2vcpu-2gb-intel": Size(2, 2048, 60, 21),
    "s-2vcpu-4gb-amd": Size(2, 4096, 80, 28),
    "s-2vcpu-4gb-intel": Size(2, 4096, 80, 28),
    "s-4vcpu-8gb-amd": Size(4, 8192, 160, 56),
    "s-4vcpu-8gb-intel": Size(4, 8192, 160, 56),
    "s-8vcpu-16gb-amd": Size(8, 16384, 320, 112),
    "s-8vcpu-16gb-intel": Size(8, 16384, 320, 112),
    "s-2vcpu-8gb-amd": Size(2, 8192, 100, 42),
    "s-4vcpu-16gb-amd": Size(4, 16384, 200, 84),
    "s-8vcpu-32gb-amd": Size(8, 32768, 400, 168),
    "s-1vcpu-1gb-35gb-intel": Size(1, 1024, 35, 8),
    "s-1vcpu-2gb-70gb-intel": Size(1, 2048, 70, 16),
    "s-2vcpu-2gb-90gb-intel": Size(2, 2048, 90, 24),
    "s-2vcpu-4gb-120gb-intel": Size(2, 4096, 120, 32),
    "s-2vcpu-8gb-160gb-intel": Size(2, 8192, 160, 48),
    "s-4vcpu-8gb-240gb-intel": Size(4, 8192, 240, 64),
    "s-4vcpu-16gb-320gb-intel": Size(4, 16384, 320, 96),
    "s-8vcpu-16gb-480gb-intel": Size(8, 16384, 480, 128),
    "s-8vcpu-32gb-640gb-intel": Size(8, 32768, 640, 192),
    "c-2": Size(2, 4096, 25, 42),
    "c2-2vcpu-4gb": Size(2, 4096, 50, 47),
    "c-4": Size(4, 8192, 50, 84),
    "c2-4vcpu-8gb": Size(4, 8192, 100, 94),
    "c-8": Size(8, 16384, 100, 168),
    "c2-8vcpu-16gb": Size(8, 16384, 200, 188),
    "g-2vcpu-8gb": Size(2, 8192, 25, 63),
    "gd-2vcpu-8gb": Size(2, 8192, 50, 68),
    "g-4vcpu-16gb": Size(4, 16384, 50, 126),
    "gd-4vcpu-16gb": Size(4, 16384, 100, 136),
    "g-8vcpu-32gb": Size(8, 32768, 100, 252),
    "gd-8vcpu-32gb": Size(8, 32768, 200, 272),
    "m-2vcpu-16gb": Size(2, 16384, 50, 84),
    "m-4vcpu-32gb": Size(4, 32768, 100, 168),
    "m-8vcpu-64gb": Size(8, 65536, 200, 336),
}
REGIONS = frozenset(
    ["ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"]
)
KNOWN_REGIONS = REGIONS | {"ams2", "sfo1"}
"""With those that the provider package still names and that the program does not offer."""
SPACES_REGIONS = frozenset(["ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"])
ABSENT: dict[str, frozenset[str]] = {}
"""Sizes that a region lacks. Empty: which these are is known to `GET /v2/sizes` alone, and changes."""
IMAGES = frozenset({"ubuntu-22-04-x64", "ubuntu-24-04-x64", "debian-12-x64", "debian-13-x64"})
HOURS_A_MONTH = 672
"""A month is billed as at most 672 hours."""


def offers(size: str, region: str) -> bool:
    """Whether a droplet of the size can be made in the region."""
    return size not in ABSENT.get(region, frozenset())
