"""The stand-in's catalogue against what can be known of the real one without an account."""

from __future__ import annotations

import re

import pulumi_digitalocean as digitalocean

from rehearsal.provider.digitalocean.catalog import (
    DATABASE_SIZES,
    DATABASE_VERSIONS,
    IMAGES,
    KNOWN_REGIONS,
    REGIONS,
    RESERVED_IN,
    RESERVED_RANGES,
    SINGLE_NODE,
    SIZES,
)
from settings import droplets, managed


def test_every_size_is_one_that_the_providers_package_names() -> None:
    assert SIZES.keys() <= {slug.value for slug in digitalocean.DropletSlug}


def test_a_sizes_numbers_are_those_that_its_name_tells() -> None:
    for slug, size in SIZES.items():
        told = re.search(r"(\d+)vcpu-(\d+)(gb|mb)", slug)
        if told:
            assert size.vcpus == int(told[1]), slug
            assert size.memory == int(told[2]) * (1024 if told[3] == "gb" else 1), slug


def test_every_region_of_the_providers_package_is_known() -> None:
    assert {region.value for region in digitalocean.Region} <= KNOWN_REGIONS


def test_the_copy_of_the_programs_table_has_not_drifted() -> None:
    """FF1. A copy: this finds a size that only one of the two knows, and no number that is wrong in both."""
    assert droplets.SIZES.keys() == SIZES.keys()
    assert set(droplets.REGIONS) == REGIONS
    assert set(droplets.IMAGES) == IMAGES
    assert droplets.RESERVED_RANGES == RESERVED_RANGES
    assert droplets.RESERVED_IN == RESERVED_IN
    assert droplets.RESERVED_IN.keys() == REGIONS
    for slug, size in droplets.SIZES.items():
        assert (size.cpus, size.memory, size.disk, size.price) == SIZES[slug], slug


def test_every_size_of_a_database_is_one_that_the_providers_package_names() -> None:
    assert DATABASE_SIZES.keys() <= {slug.value for slug in digitalocean.DatabaseSlug}


def test_the_programs_table_of_databases_has_not_drifted() -> None:
    """A second table: this finds what only one of the two allows, and no number that is wrong in both."""
    ours = {"pg": "postgres", "valkey": "redis", "mongodb": "mongodb"}
    for engine, name in ours.items():
        assert DATABASE_VERSIONS[engine] == tuple(map(str, managed.VERSIONS[name]))
        assert set(managed.sizes(name)) <= DATABASE_SIZES.keys()
    assert managed.SINGLE_NODE == SINGLE_NODE
    for size, connections in managed.CONNECTIONS.items():
        assert DATABASE_SIZES[size].connections == connections
