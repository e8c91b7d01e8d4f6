"""The local cloud for real: what a rehearsal trusts it to do, it does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rehearsal.cloud import CloudError, HostSpec, InboundRule, LocalCloud, OutboundRule, Record
from tests.hosts.conftest import LocalHost
from tests.hosts.looking import eventually, reaches

pytestmark = pytest.mark.hosts

EVERYBODY = ("0.0.0.0/0", "::/0")


def listen(host: LocalHost, port: int) -> None:
    """Has the host listen on a port, from a unit that a reboot ends."""
    command = ["systemd-run", "--quiet", f"--unit=listen-{port}", "python3", "-m", "http.server", str(port)]
    assert host.cloud.exec(host.host.id, command).returncode == 0
    assert eventually(lambda: host.cloud.exec(host.host.id, ["sh", "-c", f"ss -ltn | grep -q :{port}"]).returncode == 0)


def test_a_host_boots_and_lets_the_clouds_key_in_as_root(local_host: LocalHost) -> None:
    """ALL2: over SSH, with the host key that user data gave it."""
    done = local_host.ssh("hostname && id -un && cat", input="by standard input")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["shared", "root", "by standard input"]


def test_cloud_init_makes_users_and_files_and_runs_commands(local_cloud: LocalCloud) -> None:
    """FF1."""
    data = """#cloud-config
users:
  - name: ops
    shell: /bin/bash
    sudo: "ALL=(ALL) NOPASSWD:ALL"
write_files:
  - {path: /etc/said, content: "so", permissions: "0640"}
runcmd:
  - [touch, /root/ran]
"""
    host = local_cloud.create_host(HostSpec("initialised", 1, 1024, data))
    try:
        assert local_cloud.wait_booted(host.id) == "running"
        script = "cloud-init status && id -un ops && stat -c '%a' /etc/said && ls /root/ran && hostname"
        done = local_cloud.exec(host.id, ["sh", "-ec", script])
        assert done.stdout.split("\n")[:5] == ["status: done", "ops", "640", "/root/ran", "initialised"]
    finally:
        local_cloud.delete_host(host.id)


def test_files_users_and_addresses_survive_reboot_and_power_loss(fresh_host: LocalHost) -> None:
    """FF4: what the host has to find again after a restart is there; what lies in /run is gone."""
    cloud, host = fresh_host.cloud, fresh_host.host
    reserved = cloud.assign_reserved_address(host.id)
    cloud.set_firewall(host.id, [InboundRule("tcp", "22", EVERYBODY)])
    cloud.exec(host.id, ["sh", "-c", "echo kept > /etc/kept; touch /run/gone; useradd -m kept"])
    for orderly in (True, False):
        if orderly:
            cloud.reboot(host.id)
        else:
            cloud.power_off(host.id)
            cloud.power_on(host.id)
        assert cloud.wait_booted(host.id) == "running"
        assert cloud.exec(host.id, ["sh", "-c", "cat /etc/kept; ls /run/gone; id -un kept"]).stdout == "kept\nkept\n"
        assert fresh_host.ssh("true").returncode == 0
        assert fresh_host.ssh("true", address=reserved).returncode == 0
        assert "cloud" in cloud.exec(host.id, ["nft", "list", "tables"]).stdout
        assert cloud.host(host.id).public_address == host.public_address
    cloud.release_address(reserved)


def test_reboot_from_within_comes_back(fresh_host: LocalHost) -> None:
    """FF4: unattended upgrades reboot this way."""
    cloud, host = fresh_host.cloud, fresh_host.host
    fresh_host.ssh("touch /run/before; systemctl reboot")

    def back() -> bool:
        try:
            return cloud.exec(host.id, ["test", "!", "-e", "/run/before"]).returncode == 0
        except CloudError:
            return False

    assert eventually(back)
    assert cloud.wait_booted(host.id) == "running"


def test_a_host_that_is_off_says_so_and_answers_nothing(fresh_host: LocalHost) -> None:
    fresh_host.cloud.power_off(fresh_host.host.id)
    fresh_host.cloud.power_off(fresh_host.host.id)
    assert not fresh_host.cloud.host(fresh_host.host.id).running
    assert fresh_host.ssh("true").returncode == 255
    with pytest.raises(CloudError, match="fresh is off"):
        fresh_host.cloud.exec(fresh_host.host.id, ["true"])


def test_the_firewall_lets_in_what_its_rules_say_and_nothing_else(fresh_host: LocalHost) -> None:
    """FF2: by port and by range."""
    cloud, host = fresh_host.cloud, fresh_host.host
    listen(fresh_host, 8080)
    assert reaches(cloud, host.public_address, 8080), "without a firewall everything is open"
    admin = InboundRule("tcp", "22", (f"{cloud.admin_address}/32",))
    cloud.set_firewall(host.id, [admin, InboundRule("tcp", "80-443", EVERYBODY)])
    assert not reaches(cloud, host.public_address, 8080)
    assert not reaches(cloud, host.public_address, 22)
    assert fresh_host.ssh("true").returncode == 0
    cloud.set_firewall(host.id, [admin, InboundRule("tcp", "8000-8090", EVERYBODY)])
    assert reaches(cloud, host.public_address, 8080)
    cloud.set_firewall(host.id, [admin, InboundRule("tcp", "all", (f"{cloud.outsider().address}/32",))])
    assert reaches(cloud, host.public_address, 8080)
    cloud.clear_firewall(host.id)
    assert reaches(cloud, host.public_address, 22)


def test_the_firewall_keeps_in_what_no_outbound_rule_lets_out(fresh_host: LocalHost) -> None:
    """FF2: as with DigitalOcean, names resolve only if UDP 53 may leave."""
    cloud, host = fresh_host.cloud, fresh_host.host
    cloud.set_records({"outside.example.com": [Record("A", "192.0.2.1")]})
    resolve = ["timeout", "3", "getent", "hosts", "outside.example.com"]
    inbound = [InboundRule("tcp", "22", EVERYBODY)]
    cloud.set_firewall(host.id, inbound, [])
    assert cloud.exec(host.id, resolve).returncode != 0
    assert fresh_host.ssh("true").returncode == 0, "answers leave"
    cloud.set_firewall(host.id, inbound, [OutboundRule("udp", "53", EVERYBODY)])
    assert cloud.exec(host.id, resolve).stdout.split() == ["192.0.2.1", "outside.example.com"]


def test_hosts_of_one_network_reach_each_other_by_private_addresses(local_cloud: LocalCloud) -> None:
    network = local_cloud.create_network("private", "10.100.0.0/24")
    hosts = [local_cloud.create_host(HostSpec(name, 1, 512, "", network.id)) for name in ("one", "two")]
    try:
        assert [host.private_address for host in hosts] == ["10.100.0.2", "10.100.0.3"]
        for host in hosts:
            local_cloud.wait_booted(host.id)
        assert local_cloud.exec(hosts[0].id, ["ping", "-c", "1", "-W", "5", "10.100.0.3"]).returncode == 0
        assert local_cloud.outsider().run(["ping", "-c", "1", "-W", "1", "10.100.0.3"]).returncode != 0
        with pytest.raises(CloudError, match="members: one, two"):
            local_cloud.delete_network(network.id)
    finally:
        for host in hosts:
            local_cloud.delete_host(host.id)
        local_cloud.delete_network(network.id)
    assert network not in local_cloud.networks()


def test_a_reserved_address_moves_from_host_to_host(local_cloud: LocalCloud, local_host: LocalHost) -> None:
    other = local_cloud.create_host(HostSpec("other", 1, 512, ""))
    address = local_cloud.assign_reserved_address(local_host.host.id)
    try:
        assert local_host.ssh("hostname", address=address).stdout == "shared\n"
        local_cloud.wait_booted(other.id)
        local_cloud.assign_address(address, other.id)
        assert local_cloud.host(other.id).reserved_addresses == (address,)
        assert local_cloud.host(local_host.host.id).reserved_addresses == ()
        assert eventually(lambda: "verification failed" in local_host.ssh("hostname", address=address).stderr)
    finally:
        local_cloud.delete_host(other.id)
        local_cloud.release_address(address)


def test_a_host_that_is_cut_off_goes_on_and_reaches_nobody(fresh_host: LocalHost) -> None:
    """DV6: a lost network, which a lost host looks like from outside; connections that there are end, too."""
    cloud, host = fresh_host.cloud, fresh_host.host
    cloud.cut_off(host.id)
    assert not reaches(cloud, host.public_address, 22)
    assert cloud.exec(host.id, ["ping", "-c", "1", "-W", "1", cloud.resolver_address]).returncode != 0
    assert cloud.exec(host.id, ["systemctl", "is-system-running"]).stdout == "running\n"
    cloud.cut_off(host.id, cut=False)
    assert reaches(cloud, host.public_address, 22)


def test_another_size_keeps_the_disk(local_cloud: LocalCloud) -> None:
    host = local_cloud.create_host(HostSpec("grows", 1, 512, ""))
    try:
        local_cloud.wait_booted(host.id)
        local_cloud.exec(host.id, ["touch", "/etc/kept"])
        grown = local_cloud.resize_host(host.id, 2, 2048)
        assert (grown.cpus, grown.memory_mib, grown.public_address) == (2, 2048, host.public_address)
        local_cloud.wait_booted(host.id)
        assert local_cloud.exec(host.id, ["test", "-e", "/etc/kept"]).returncode == 0
    finally:
        local_cloud.delete_host(host.id)


def test_two_clouds_at_once_with_the_same_private_range_do_not_meet(local_cloud: LocalCloud, tmp_path: Path) -> None:
    other = LocalCloud(tmp_path / "state", f"tests-other-{os.getpid()}")
    try:
        other.prepare()
        networks = [cloud.create_network("same", "10.20.0.0/24") for cloud in (local_cloud, other)]
        assert other.admin_address != local_cloud.admin_address
        local_cloud.delete_network(networks[0].id)
    finally:
        other.destroy_all()
    assert not (tmp_path / "state").exists()


def test_nothing_is_left_after_destroy(tmp_path: Path) -> None:
    """ALL4: no container, network, volume or file, though a host and a network were still there."""
    name = f"tests-gone-{os.getpid()}"
    cloud = LocalCloud(tmp_path / "state", name)
    docker = cloud.docker
    volumes: list[str] = []
    try:
        cloud.prepare()
        network = cloud.create_network("private", "10.30.0.0/24")
        cloud.create_host(HostSpec("left", 1, 512, "", network.id))
        for container in docker.labelled("container", f"slipway.rehearsal={name}"):
            mounts = (docker.inspect(container) or {})["Mounts"]
            volumes += [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
        assert volumes, "the host has a volume of its own"
    finally:
        cloud.destroy_all()
    for kind in ("container", "network", "volume"):
        assert docker.labelled(kind, f"slipway.rehearsal={name}") == []
    assert f"slipway-{name}" not in docker.call("ps", "--all", "--format", "{{.Names}}").stdout
    assert not set(docker.call("volume", "ls", "--quiet").stdout.split()) & set(volumes)
    assert not (tmp_path / "state").exists()
    cloud.destroy_all()
