"""Hosts among each other: who reaches whom over their network follows from tags, as droplets come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rehearsal.cloud import LocalCloud
from rehearsal.provider.values import Properties
from tests.hosts.looking import eventually, reaches
from tests.hosts.provided import DO, Account, opened_account

pytestmark = pytest.mark.hosts

PORT = 5432
GIVEN: Properties = {"image": "debian-13-x64", "size": "s-1vcpu-1gb", "region": "nyc3"}


@dataclass
class Fleet:
    """Two hosts of a fleet, one that holds its data, and a neighbour who has no business with either."""

    account: Account
    network: str
    hosts: dict[str, str]

    def private_address(self, host: str) -> str:
        """A host's address in the network."""
        return str(self.account.cloud.host(self.account.local(self.hosts[host])).private_address)

    def reaches_data(self, host: str) -> bool:
        """Whether a host gets through to the data over the network."""
        script = f"timeout 2 bash -c '</dev/tcp/{self.private_address('data')}/{PORT}'"
        return self.account.on(self.hosts[host], script).returncode == 0


@pytest.fixture(scope="module")
def fleet(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with opened_account(local_cloud, tmp_path_factory.mktemp("account")) as account:
        network, _ = account.make("vpc:Vpc", name="fleet", region="nyc3", ipRange="10.63.0.0/24")
        for tag in ("fleet", "data"):
            account.make("tag:Tag", name=tag)
        out = {"protocol": "tcp", "portRange": "all", "destinationAddresses": ["0.0.0.0/0"]}
        rule = {"protocol": "tcp", "portRange": str(PORT), "sourceTags": ["fleet"]}
        account.make("firewall:Firewall", name="data", tags=["data"], inboundRules=[rule], outboundRules=[out])
        tags = {"one": ["fleet"], "two": ["fleet"], "data": ["data"], "neighbour": []}
        made = Fleet(account, network, account.droplets(network, tags))
        account.on(made.hosts["data"], f"systemd-run --unit=listen python3 -m http.server {PORT}")
        assert eventually(lambda: made.reaches_data("one"), 20)
        yield made


def test_each_host_has_an_address_of_its_own_in_the_network(fleet: Fleet) -> None:
    addresses = {fleet.private_address(host) for host in fleet.hosts}
    assert len(addresses) == 4
    assert all(address.startswith("10.63.0.") for address in addresses)
    for host in ("two", "neighbour"):
        ping = f"ping -c 1 -W 5 {fleet.private_address(host)}"
        assert fleet.account.on(fleet.hosts["one"], ping).returncode == 0


def test_the_fleet_reaches_its_data_and_nobody_else_does(fleet: Fleet) -> None:
    """VU1, DV6: from tag to tag, over the network; not the internet, not a neighbour."""
    assert [fleet.reaches_data(host) for host in ("one", "two", "neighbour")] == [True, True, False]
    data = fleet.account.cloud.host(fleet.account.local(fleet.hosts["data"]))
    assert not reaches(fleet.account.cloud, data.public_address, PORT)


def test_who_gets_the_fleets_tag_is_let_in_and_who_loses_it_is_not(fleet: Fleet) -> None:
    """VU10: the firewall follows, and no host is touched."""
    state = {**GIVEN, "name": "neighbour", "vpcUuid": fleet.network, "userData": "#cloud-config\n"}
    for tags in (["fleet"], []):
        inputs = {**state, "tags": tags}
        fleet.account.plugin.update(f"{DO}droplet:Droplet", fleet.hosts["neighbour"], state, inputs)
        assert fleet.reaches_data("neighbour") == bool(tags)
    assert fleet.reaches_data("one")
