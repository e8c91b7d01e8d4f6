"""Mistakes between a product and its surroundings: names too long, a network or a zone that is not its own, SSH from
everywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from settings import droplets
from settings.backing import ObjectStorage
from settings.context import Context
from settings.problems import Problem
from settings.product import Product
from settings.stack import Access, Dns, prefix

LONGEST_NAME = 63
"""A droplet's name is its host name, and a bucket's name is part of one: RFC 1123 allows 63."""
LONGEST_SUFFIX = len("-reserved-address")


def names(context: Context, product: Product) -> Iterator[Problem]:
    """Names of the cloud's that come out too long."""
    if product.name is None:
        return
    stem = prefix(product.name, context.stack)
    if len(stem) + LONGEST_SUFFIX > LONGEST_NAME:
        room = LONGEST_NAME - LONGEST_SUFFIX - len(context.stack) - 1
        yield Problem(
            "slipway:product.name",
            f"is too long: with the stack's name it makes host names over {LONGEST_NAME} characters, should be at most "
            f"{max(room, 1)} here",
        )
    for name, backing in product.backing.items():
        if isinstance(backing, ObjectStorage) and backing.provider == "managed" and backing.bucket is None:
            bucket = f"{stem}-{name}"
            if len(bucket) > LONGEST_NAME:
                message = f"the bucket's name comes out {len(bucket)} characters long, should be at most {LONGEST_NAME}"
                yield Problem(f"slipway:product.backing.{name}", f"{message}: say `bucket`")


def network(context: Context) -> Iterator[Problem]:
    """A range of addresses that the cloud keeps to itself where the VPC is to be."""
    block = context.blocks.get("architecture")
    wanted, region = getattr(block, "network", None), getattr(block, "region", None)
    if wanted is None or region is None:
        return
    own = {**dict.fromkeys(droplets.RESERVED_RANGES, "everywhere"), droplets.RESERVED_IN[region]: f"in {region}"}
    for reserved, where in own.items():
        if ipaddress.ip_network(wanted).overlaps(ipaddress.ip_network(reserved)):
            message = f"{wanted} overlaps {reserved}, which DigitalOcean keeps to itself {where}"
            yield Problem("slipway:architecture.network", f"{message}, should be another such as {droplets.NETWORK}")


_OTHERS_PRIVATE = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Addresses that nobody has on the internet (IANA's special-purpose registries), but for those of documentation and
benchmarks, which stand for one's own in examples and rehearsals."""


def access(context: Context) -> Iterator[Problem]:
    """Admin ranges that are in truth the whole internet, or nobody on it."""
    block, raw = context.blocks.get("access"), context.raw.get("access")
    if not isinstance(block, Access):
        return
    path = "slipway:access.admin_cidrs"
    for cidr in block.open_ranges if not block.ssh_from_anywhere else ():
        message = f"{cidr} lets everybody try SSH: name your own ranges, or say `ssh_from_anywhere: true`"
        yield Problem(path, message)
    for cidr in filter(_is_on_no_internet, block.admin_cidrs):
        message = f"{cidr} is in no use on the internet, from which SSH comes: should be the public address of"
        yield Problem(path, f"{message} where you log in from, such as 203.0.113.7/32")
    given = raw.get("admin_cidrs") if isinstance(raw, Mapping) else None
    whole = isinstance(given, list) and len(given) == len(block.admin_cidrs)
    if block.ssh_from_anywhere and whole and not block.open_ranges:
        message = "is true, and no range is 0.0.0.0/0 or ::/0: leave it out, or say such a range"
        yield Problem("slipway:access.ssh_from_anywhere", message)


def _is_on_no_internet(cidr: str) -> bool:
    network = ipaddress.ip_network(cidr)
    return any(network.version == other.version and network.subnet_of(other) for other in _OTHERS_PRIVATE)  # type: ignore[arg-type]


def dns(context: Context) -> Iterator[Problem]:
    """A zone that is not said, or does not hold the product's names."""
    block, product = context.blocks.get("dns"), context.blocks.get("product")
    if not isinstance(block, Dns):
        return
    if block.provider in ("digitalocean", "cloudflare") and block.zone is None:
        yield Problem(
            "slipway:dns.zone", f"is missing, should be the zone that {block.provider} keeps, such as example.com"
        )
    if block.provider == "cloudflare" and block.zone_id is None:
        yield Problem("slipway:dns.zone_id", "is missing, should be what Cloudflare shows on the zone's overview page")
    if block.create_zone and block.provider in ("cloudflare", "print"):
        yield Problem("slipway:dns.create_zone", f"is for digitalocean, this is {block.provider}: leave it out")
    if block.zone and isinstance(product, Product):
        for domain in product.domains:
            if domain is not None and domain != block.zone and not domain.endswith(f".{block.zone}"):
                yield Problem(
                    "slipway:dns.zone", f"{domain} is not in the zone {block.zone}: give the zone of all names"
                )
