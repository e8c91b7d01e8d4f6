"""Which addresses the local cloud gives out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, ip_network

from rehearsal.model import CloudError

# RFC 2544 keeps this range for tests: it is nobody's on the internet, and no product's private network.
_PUBLIC = IPv4Network("198.18.0.0/15")
GATEWAY, INTERNET, OUTSIDER = 1, 2, 3
_HOSTS = range(10, 200)
_RESERVED = range(200, 255)


def free_subnet(taken: Iterable[str]) -> IPv4Network:
    """The first /24 for a public network that overlaps none of the CIDRs in use."""
    used = [network for network in map(ip_network, taken) if isinstance(network, IPv4Network) and network.prefixlen > 0]
    for candidate in _PUBLIC.subnets(new_prefix=24):
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise CloudError(f"no free network left in {_PUBLIC}")


def at(subnet: str, offset: int) -> str:
    """The address at an offset within a subnet."""
    return str(IPv4Network(subnet)[offset])


def host_address(subnet: str, taken: Collection[str]) -> str:
    """A free public address for a host."""
    return _first(subnet, _HOSTS, taken, "public addresses")


def reserved_address(subnet: str, taken: Collection[str]) -> str:
    """A free address that outlives hosts."""
    return _first(subnet, _RESERVED, taken, "reserved addresses")


def private_address(cidr: str, taken: Collection[str]) -> str:
    """A free address of a private network; its first one is the cloud's, as with DigitalOcean's gateways."""
    size = IPv4Network(cidr).num_addresses
    return _first(cidr, range(2, size - 1), taken, f"addresses in {cidr}")


def private_network(cidr: str) -> IPv4Network:
    """The network a CIDR names. CloudError if it names none, or one too small (DigitalOcean: /28 at least)."""
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        raise CloudError(f"{cidr} is no network: {error}") from error
    if not 16 <= network.prefixlen <= 28:
        raise CloudError(f"{cidr}: a private network is between /16 and /28")
    if not any(network.subnet_of(IPv4Network(block)) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")):
        raise CloudError(f"{cidr} is not private (RFC 1918)")
    return network


def _first(subnet: str, offsets: range, taken: Collection[str], what: str) -> str:
    base = IPv4Network(subnet).network_address
    for offset in offsets:
        candidate = str(IPv4Address(int(base) + offset))
        if candidate not in taken:
            return candidate
    raise CloudError(f"no {what} left")
