"""Which addresses the local cloud gives out."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from rehearsal.addresses import at, free_subnet, host_address, private_address, private_network, reserved_address
from rehearsal.model import CloudError


def test_a_public_network_overlaps_nothing_that_is_in_use() -> None:
    taken = ["0.0.0.0/0", "172.17.0.0/16", "198.18.0.0/24", "198.18.1.128/25"]
    assert str(free_subnet(taken)) == "198.18.2.0/24"


def test_all_public_networks_taken_is_said() -> None:
    with pytest.raises(CloudError, match="no free network left"):
        free_subnet(["198.18.0.0/15"])


def test_hosts_and_reserved_addresses_never_meet() -> None:
    subnet = "198.18.4.0/24"
    hosts: set[str] = set()
    while len(hosts) < 190:
        hosts.add(host_address(subnet, hosts))
    with pytest.raises(CloudError, match="no public addresses left"):
        host_address(subnet, hosts)
    reserved = reserved_address(subnet, hosts)
    assert reserved not in hosts | {at(subnet, offset) for offset in (0, 1, 2, 3, 255)}


def test_private_addresses_begin_after_the_clouds_own_and_fill_gaps() -> None:
    assert private_address("10.100.0.0/24", set()) == "10.100.0.2"
    assert private_address("10.100.0.0/24", {"10.100.0.2", "10.100.0.4"}) == "10.100.0.3"
    assert private_address("10.100.0.0/28", {f"10.100.0.{last}" for last in range(2, 14)}) == "10.100.0.14"
    with pytest.raises(CloudError, match="no addresses in"):
        private_address("10.100.0.0/28", {f"10.100.0.{last}" for last in range(2, 15)})


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("10.0.0.1/24", "is no network"),
        ("ten", "is no network"),
        ("10.0.0.0/30", "between /16 and /28"),
        ("10.0.0.0/8", "between /16 and /28"),
        ("8.8.8.0/24", "is not private"),
    ],
)
def test_a_private_network_that_a_cloud_would_refuse_is_refused(cidr: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        private_network(cidr)


def test_a_private_network_is_taken_as_it_is() -> None:
    assert private_network("10.100.0.0/20") == ip_network("10.100.0.0/20")
