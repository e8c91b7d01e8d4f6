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
    "s-1vcpu-1gb": Size(1, 1024, 25, 6),
    "s-1vcpu-2gb": Size(1, 2048, 50, 12),
    "s-2vcpu-2gb": Size(2, 2048, 60, 18),
    "s-2vcpu-4gb": Size(2, 4096, 80, 24),
    "s-4vcpu-8gb": Size(4, 8192, 160, 48),
    "s-8vcpu-16gb": Size(8, 16384, 320, 96),
    "c-2": Size(2, 4096, 25, 42),
    "c-4": Size(4, 8192, 50, 84),
    "c-8": Size(8, 16384, 100, 168),
    "g-2vcpu-8gb": Size(2, 8192, 25, 63),
    "g-4vcpu-16gb": Size(4, 16384, 50, 126),
}
REGIONS = frozenset(
    ["ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"]
)
RESERVED_RANGES = ("10.229.0.0/16", "10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24")
"""Of which no VPC may have any (docs.digitalocean.com, VPC limits, validated in August 2025)."""
RESERVED_IN = {
    "ams3": "10.18.0.0/16", "atl1": "10.50.0.0/16", "blr1": "10.47.0.0/16", "fra1": "10.19.0.0/16",
    "lon1": "10.16.0.0/16", "nyc1": "10.10.0.0/16", "nyc2": "10.13.0.0/16", "nyc3": "10.17.0.0/16",
    "sfo2": "10.46.0.0/16", "sfo3": "10.48.0.0/16", "sgp1": "10.15.0.0/16", "syd1": "10.49.0.0/16",
    "tor1": "10.29.0.0/16",
}  # fmt: skip
"""The same in one region alone."""
KNOWN_REGIONS = REGIONS | {"ams2", "sfo1"}
"""With those that the provider package still names and that the program does not offer."""
SPACES_REGIONS = frozenset(["ams3", "atl1", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1"])
ABSENT: dict[str, frozenset[str]] = {}
"""Sizes that a region lacks. Empty: which these are is known to `GET /v2/sizes` alone, and changes."""
IMAGES = frozenset({"ubuntu-22-04-x64", "ubuntu-24-04-x64", "debian-12-x64", "debian-13-x64"})
HOURS_A_MONTH = 672
"""A month is billed as at most 672 hours."""


class DatabaseSize(NamedTuple):
    """Memory in MiB, and how many connections a PostgreSQL of the size has for its customer."""

    memory: int
    connections: int


RESERVED_CONNECTIONS = 3
"""Of the 25 for each GiB, what a cluster keeps for its own upkeep (docs.digitalocean.com, connection pools)."""
DATABASE_SIZES = {
    slug: DatabaseSize(gib * 1024, gib * 25 - RESERVED_CONNECTIONS)
    for slug, gib in {"db-s-1vcpu-1gb": 1, "db-s-1vcpu-2gb": 2, "db-s-2vcpu-4gb": 4, "db-s-4vcpu-8gb": 8}.items()
}
SINGLE_NODE = frozenset({"db-s-1vcpu-1gb"})
"""Sizes that have no standby nodes."""
DATABASE_VERSIONS = {"pg": ("15", "16", "17"), "valkey": ("8",), "mongodb": ("7", "8")}
"""What can be made new. Redis has gone, PostgreSQL 13 and 14 have."""
MOST_NODES = 3


def offers(size: str, region: str) -> bool:
    """Whether a droplet of the size can be made in the region."""
    return size not in ABSENT.get(region, frozenset())
