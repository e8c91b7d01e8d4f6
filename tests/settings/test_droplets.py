"""The table of droplet sizes and regions."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pulumi_digitalocean as digitalocean
import pytest

from settings import droplets
from settings.kinds import MINIMUM_CPUS, MINIMUM_DISK, MINIMUM_MEMORY

NEWER_THAN_THE_PROVIDERS_LIST = {"atl1"}


def test_the_provider_knows_every_size_and_region() -> None:
    assert set(droplets.SIZES) <= {slug.value for slug in digitalocean.DropletSlug}
    assert set(droplets.REGIONS) - NEWER_THAN_THE_PROVIDERS_LIST <= {region.value for region in digitalocean.Region}
    assert set(droplets.SPACES_REGIONS) <= set(droplets.REGIONS)


def test_every_price_is_one_that_was_read() -> None:
    """The price list as read in 2026-11. A size whose price nobody has seen is not in the table."""
    assert {slug: size.price for slug, size in droplets.SIZES.items()} == {
        "s-1vcpu-1gb": 6,
        "s-1vcpu-2gb": 12,
        "s-2vcpu-2gb": 18,
        "s-2vcpu-4gb": 24,
        "s-4vcpu-8gb": 48,
        "s-8vcpu-16gb": 96,
        "g-2vcpu-8gb": 63,
        "g-4vcpu-16gb": 126,
        "c-2": 42,
        "c-4": 84,
        "c-8": 168,
    }


@pytest.mark.parametrize("slug", droplets.SIZES)
def test_a_size_has_what_its_name_says(slug: str) -> None:
    size = droplets.SIZES[slug]
    cpus = re.search(r"(\d+)vcpu|^c-(\d+)$", slug)
    assert cpus is not None
    assert size.cpus == int(cpus[1] or cpus[2])
    memory = re.search(r"vcpu-(\d+)(gb|mb)", slug)
    if memory:
        assert size.memory == int(memory[1]) * (1024 if memory[2] == "gb" else 1)
    disk = re.search(r"[gm]b-(\d+)gb", slug)
    if disk:
        assert size.disk == int(disk[1])


def test_the_sizes_that_do_are_named_the_cheapest_first() -> None:
    """FF1"""
    enough = droplets.sizes_with(MINIMUM_CPUS, MINIMUM_MEMORY, MINIMUM_DISK)
    assert enough[:2] == ["s-2vcpu-4gb", "s-4vcpu-8gb"]
    prices = [droplets.SIZES[slug].price for slug in enough]
    assert prices == sorted(prices)
    assert {"s-1vcpu-2gb", "c-2", "g-2vcpu-8gb"}.isdisjoint(enough)


def test_the_range_where_none_is_said_is_free_in_every_region() -> None:
    reserved = (*droplets.RESERVED_RANGES, *droplets.RESERVED_IN.values())
    assert not [one for one in reserved if ip_network(one).overlaps(ip_network(droplets.NETWORK))]
