"""An apply that is killed or loses power, rules that lock everybody out: the host comes back by itself (FF10, ALL3)."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterator

import pytest

from rehearsal.cloud import LocalCloud
from tests.hosts.applying import FOREIGN_RANGE, AppliedHost, Manifest, familyflow, file_of

pytestmark = pytest.mark.hosts

KILLS = 12
SOON = "[Timer]\nOnActiveSec=\nOnActiveSec=8\n"
"""A drop-in of the timer that puts things back: the tests need not wait as long as an operator may."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppliedHost]:
    """A host after its first boot, with its own SSH key."""
    directory = tmp_path_factory.mktemp("interrupted")
    cloud = LocalCloud(directory / "cloud", "test-interrupted")
    cloud.destroy_all()
    cloud.prepare()
    try:
        made = AppliedHost(cloud, directory, "familyflow")
        made.lead_domain_here("familyflow.example.com")
        made.wait_reachable()
        made.bootstrap()
        yield made
    finally:
        cloud.destroy_all()


@pytest.fixture(scope="module")
def manifest(host: AppliedHost) -> Manifest:
    return familyflow(f"{host.cloud.admin_address}/32")


@pytest.fixture
def applied(host: AppliedHost, manifest: Manifest) -> AppliedHost:
    """The host with the manifest applied."""
    host.apply(manifest)
    return host


def begin(host: AppliedHost, manifest: Manifest) -> None:
    """Start an apply on the console and leave it to itself."""
    host.console("cat > /run/wanted.json", text=json.dumps(manifest))
    host.console("systemd-run --quiet --collect --unit apply-test sh -c 'exec slipway apply < /run/wanted.json'")


def lose_power(host: AppliedHost) -> None:
    """Cut the power and turn it on again."""
    host.cloud.power_off(host.host.id, hard=True)
    host.cloud.power_on(host.host.id)
    host.cloud.wait_booted(host.host.id)


def test_a_first_apply_that_loses_power_while_packages_are_installed_is_finished_by_the_next(
    host: AppliedHost, manifest: Manifest
) -> None:
    """What dpkg has unpacked and not configured is configured, and no daemon has started in between."""
    host.slipway("status")  # the scripts are there, whatever it says
    begin(host, manifest)
    host.console(
        "until dpkg-query -W -f '${db:Status-Status}' nginx 2>/dev/null | grep -q unpacked; do sleep 0.05; done"
    )
    lose_power(host)
    assert host.console("ls /var/lib/slipway/packages-begun")
    lines = host.apply(manifest)
    assert lines[-1].endswith(" changed")
    assert host.console("dpkg --audit; ls /usr/sbin/policy-rc.d 2>/dev/null", check=False) == ""
    assert host.apply(manifest) == ["0 changed"]


@pytest.mark.parametrize("status", ["half-installed", "unpacked"])
@pytest.mark.parametrize("by", ["us", "another"])
def test_a_package_whose_unpacking_was_cut_off_is_unpacked_again(
    applied: AppliedHost, manifest: Manifest, status: str, by: str
) -> None:
    """It has dpkg's own mark of such a package, whoever was installing it."""
    half = f"/^Package: logrotate$/,/^$/ s/^Status: .*/Status: install reinstreq {status}/"
    applied.console(f"sed -i '{half}' /var/lib/dpkg/status && rm /usr/sbin/logrotate")
    assert "logrotate" in applied.console("dpkg --audit")
    if by == "us":
        applied.console("touch /var/lib/slipway/packages-begun")
    applied.apply(manifest)
    assert applied.console("dpkg --audit; ls /var/lib/slipway/packages-begun 2>/dev/null", check=False) == ""
    assert applied.console("logrotate --version 2>&1 | head -1").startswith("logrotate ")
    assert applied.apply(manifest) == ["0 changed"]


def variant(manifest: Manifest, number: int) -> Manifest:
    """The same host with other texts in files that cause restarts, reloads and a reading of units."""
    other = copy.deepcopy(manifest)
    for path, mark in (
        ("/etc/nginx/nginx.conf", "#"),
        ("/etc/redis/redis.conf", "#"),
        ("/etc/systemd/system/slipway-recover.service", "#"),
        ("/etc/sudoers.d/10-slipway", "#"),
        ("/etc/issue", ""),
    ):
        file_of(other, path)["content"] += f"{mark} {number}\n"
    return other


def test_an_apply_killed_at_any_moment_is_finished_by_the_next(applied: AppliedHost, manifest: Manifest) -> None:
    generator = random.Random(20261121)  # noqa: S311
    finished = 0
    for number in range(KILLS):
        wanted = variant(manifest, number)
        begin(applied, wanted)
        time.sleep(generator.uniform(0.05, 1.2))
        finished += applied.console("systemctl kill -s KILL apply-test", check=False) != ""
        files = " ".join(file["path"] for file in manifest["files"])
        for path, old_mode in zip(files.split(), applied.console(f"stat -c %a {files}").split(), strict=True):
            assert old_mode == file_of(manifest, path)["mode"].lstrip("0"), path
        applied.apply(wanted)
        assert applied.apply(wanted) == ["0 changed"]
        # Each daemon has read the file that lies there: it started or was reloaded after the file changed.
        assert applied.console("systemctl show redis-server -P NeedDaemonReload") == "no"
        started = 'date -d "$(systemctl show redis-server -P ActiveEnterTimestamp)" +%s'
        changed = int(applied.console("stat -c %Z /etc/redis/redis.conf"))
        assert int(applied.console(started)) + 1 >= changed
        assert applied.console("find /etc /srv /home -name '*.slipway-new'") == ""
        assert applied.console("ls /var/lib/slipway/pending.json 2>/dev/null", check=False) == ""
    assert finished < KILLS, "every apply was done before it was killed"


def test_power_lost_between_a_file_and_its_restart_loses_neither(applied: AppliedHost, manifest: Manifest) -> None:
    wanted = variant(manifest, 99)
    begin(applied, wanted)
    applied.console("until grep -q '^# 99' /etc/redis/redis.conf; do :; done")
    lose_power(applied)
    applied.apply(wanted)
    assert applied.apply(wanted) == ["0 changed"]
    assert applied.console("systemctl is-active redis-server nginx") == "active\nactive"


def lock_out(host: AppliedHost, manifest: Manifest) -> None:
    """Apply rules on the console that let nobody in, as nobody could over SSH; they put themselves back soon."""
    wrong = copy.deepcopy(manifest)
    wrong["firewall"]["ssh_from"] = [FOREIGN_RANGE]
    place = "/etc/systemd/system/slipway-firewall-revert.timer.d"
    host.console(f"mkdir -p {place}; cat > {place}/soon.conf", text=SOON)
    said = host.console("slipway apply", text=json.dumps(wrong))
    assert "put back in 120 s unless" in said


def test_rules_that_lock_everybody_out_put_themselves_back(applied: AppliedHost, manifest: Manifest) -> None:
    """FF10 and design 'Hosts' 5: nobody confirms, since nobody gets in."""
    lock_out(applied, manifest)
    assert not applied.reachable()
    applied.wait_reachable(60)
    applied.console("timeout 60 sh -c 'while [ -d /var/lib/slipway/firewall-before ]; do sleep 0.2; done'")
    applied.console("rm -r /etc/systemd/system/slipway-firewall-revert.timer.d; systemctl daemon-reload")


def test_rules_that_were_not_confirmed_in_time_are_applied_again_and_can_be_confirmed_then(
    applied: AppliedHost, manifest: Manifest
) -> None:
    """The program's connection broke: its next run finds the manifest applied, and confirms."""
    wider = copy.deepcopy(manifest)
    wider["firewall"]["ssh_from"].append("198.51.100.7/32")
    assert applied.slipway("apply", wider).returncode == 0
    applied.console("systemctl start slipway-firewall-revert.service")
    assert "198.51.100.7" not in applied.console("ufw status")
    late = applied.slipway("firewall-confirm")
    assert late.returncode == 1
    assert "they are applied again" in late.stderr
    assert applied.slipway("firewall-confirm").returncode == 0
    assert "198.51.100.7" in applied.console("ufw status")


def test_rules_that_lock_everybody_out_put_themselves_back_after_a_power_cut_too(
    applied: AppliedHost, manifest: Manifest
) -> None:
    lock_out(applied, manifest)
    lose_power(applied)
    applied.wait_reachable(60)
    applied.console("rm -r /etc/systemd/system/slipway-firewall-revert.timer.d")


def test_rules_that_are_confirmed_over_a_new_connection_stay(applied: AppliedHost, manifest: Manifest) -> None:
    wider = copy.deepcopy(manifest)
    wider["firewall"]["ssh_from"].append("198.51.100.0/24")
    done = applied.slipway("apply", wider)
    assert done.stdout.splitlines()[-1] == "1 changed"
    assert applied.console("systemctl is-active slipway-firewall-revert.timer") == "active"
    assert applied.slipway("firewall-confirm").stdout == "firewall: confirmed\n"
    assert applied.console("systemctl list-unit-files --no-legend 'slipway-firewall-revert.*'", check=False) == ""
    assert "198.51.100.0/24" in applied.console("ufw status")


def test_the_firewall_is_there_again_after_a_restart(applied: AppliedHost, manifest: Manifest) -> None:
    applied.cloud.reboot(applied.host.id)
    applied.cloud.wait_booted(applied.host.id)
    assert applied.console("iptables -S INPUT").startswith("-P INPUT DROP")
    applied.wait_reachable()
    assert applied.apply(manifest) == ["0 changed"]


def test_a_first_host_key_whose_successor_nobody_heard_of_comes_back(host: AppliedHost) -> None:
    """The connection broke after the key was replaced and before its answer arrived."""
    host.console(
        "rm -r /var/lib/slipway/host-key*; cd /etc/ssh; ssh-keygen -q -t ed25519 -N '' -f /run/first;"
        "cp /run/first ssh_host_ed25519_key; cp /run/first.pub ssh_host_ed25519_key.pub; systemctl reload ssh"
    )
    first = " ".join(host.console("cat /run/first.pub").split()[:2])
    host.pinned = first
    new = host.bootstrap()
    assert new != first
    place = "/etc/systemd/system/slipway-host-key-revert.timer.d"
    host.console(f"mkdir -p {place}; cat > {place}/soon.conf; systemctl daemon-reload", text=SOON)
    host.console("systemctl restart slipway-host-key-revert.timer")
    host.pinned = first
    host.wait_reachable(60)
    host.console(f"rm -r {place}; systemctl daemon-reload")
    assert host.bootstrap() == new
