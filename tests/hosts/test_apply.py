"""FamilyFlow's manifest on a local host: applied first, again, after drift, with mistakes (FF1–FF4, FF7, FF9, FF10)."""

from __future__ import annotations

import copy
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.cloud import LocalCloud
from tests.hosts.applying import FOREIGN_RANGE, AppliedHost, Manifest, familyflow, file_of

pytestmark = pytest.mark.hosts

DOMAIN = "familyflow.example.com"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppliedHost]:
    """A host after its first boot; nothing has been applied to it."""
    directory = tmp_path_factory.mktemp("apply")
    cloud = LocalCloud(directory / "cloud", "test-apply")
    cloud.destroy_all()
    cloud.prepare()
    try:
        made = AppliedHost(cloud, directory, "familyflow")
        made.lead_domain_here(DOMAIN)
        made.wait_reachable()
        yield made
    finally:
        cloud.destroy_all()


@pytest.fixture(scope="module")
def first_keys(host: AppliedHost) -> tuple[str, str]:
    """What the first command prints, and what it prints when it is run again over the new key."""
    return host.bootstrap(), host.bootstrap()


@pytest.fixture(scope="module")
def manifest(host: AppliedHost) -> Manifest:
    return familyflow(f"{host.cloud.admin_address}/32")


@pytest.fixture(scope="module")
def first_apply(host: AppliedHost, manifest: Manifest, first_keys: tuple[str, str]) -> list[str]:
    """The lines of the first apply."""
    return host.apply(manifest)


@pytest.fixture
def applied(host: AppliedHost, manifest: Manifest, first_apply: list[str]) -> Iterator[AppliedHost]:
    """The host with the manifest applied, and brought back to it after the test."""
    yield host
    host.apply(manifest)


def test_the_first_boot_s_host_key_is_replaced_by_one_that_never_left_the_host(
    host: AppliedHost, first_keys: tuple[str, str]
) -> None:
    """FF10: whoever can read the user data knows the first key, so it is good for one connection."""
    first, again = first_keys
    assert re.fullmatch(r"ssh-ed25519 [A-Za-z0-9+/=]+", first)
    assert first == again
    assert first != host.first_host_key
    assert host.console("ls /etc/ssh/ssh_host_*").split() == [
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
    ]


def test_the_first_host_key_is_forgotten_once_a_manifest_has_come_over_the_new_one(
    host: AppliedHost, first_apply: list[str]
) -> None:
    assert "host-key" not in host.console("systemctl list-unit-files 'slipway-*'; ls /etc/systemd/system")
    assert host.console("ls /var/lib/slipway").split().count("host-key-before") == 0


def test_the_first_apply_says_each_change_and_ends_with_their_number(first_apply: list[str]) -> None:
    changed = [line for line in first_apply if line.startswith("changed: ")]
    assert first_apply[-1] == f"{len(changed)} changed"
    assert len(changed) > 40


def test_everything_that_has_to_run_runs(applied: AppliedHost, manifest: Manifest) -> None:
    """FF2, FF4."""
    names = [unit["name"] for unit in manifest["units"] if unit["running"]]
    shown = applied.console(f"systemctl show --property Id,LoadState,ActiveState,ConditionResult {' '.join(names)}")
    for block in shown.split("\n\n"):
        assert re.search("ActiveState=active|ConditionResult=no|LoadState=masked", block), block
    assert applied.console("systemctl --failed --no-legend") == ""


def test_backing_services_listen_on_loopback_only(applied: AppliedHost) -> None:
    """FF2."""
    listening = applied.console("ss -Hltn | awk '{print $4}'").split()
    elsewhere = {address.rpartition(":")[2] for address in listening if not re.match(r"127\.|\[::1\]", address)}
    assert elsewhere == {"22", "80", "443"}
    assert {address.rpartition(":")[2] for address in listening} >= {"6379", "5672", "4369"}


def test_nothing_started_while_packages_were_installed_and_nothing_keeps_it_from_starting_later(
    applied: AppliedHost,
) -> None:
    """FF2: RabbitMQ would listen on every address with its packaged configuration."""
    starts = applied.console("journalctl -b -u rabbitmq-server -o cat | grep -c '^Starting '")
    assert starts == "1"
    assert applied.console("ls /usr/sbin/policy-rc.d /var/lib/slipway/packages-begun 2>/dev/null", check=False) == ""


def test_a_second_apply_changes_nothing_and_asks_no_package_manager(applied: AppliedHost, manifest: Manifest) -> None:
    """ALL3."""
    before = applied.console("stat -c '%n %y' /var/lib/dpkg/lock /var/log/apt/* /etc/ufw/user.rules")
    assert applied.apply(manifest) == ["0 changed"]
    assert applied.console("stat -c '%n %y' /var/lib/dpkg/lock /var/log/apt/* /etc/ufw/user.rules") == before


def test_the_last_manifest_can_be_applied_again_from_the_host_and_is_root_s_alone(applied: AppliedHost) -> None:
    assert applied.console("slipway apply --again").splitlines()[-1] == "0 changed"
    assert applied.console("stat -c '%a %U' /etc/slipway/manifest.json /var/lib/slipway") == "600 root\n700 root"


def test_what_has_drifted_is_brought_back_and_nothing_else_changes(applied: AppliedHost, manifest: Manifest) -> None:
    applied.console(
        "echo '# by hand' >> /etc/nginx/nginx.conf; chmod 644 /srv/familyflow/.env; rm /usr/local/bin/pm2;"
        "systemctl stop redis-server; systemctl disable -q nginx; usermod --shell /bin/bash familyflow;"
        "echo > /etc/nginx/sites-enabled/default; chown root:root /srv/familyflow/logs;"
        "ufw -f delete allow 443/tcp >/dev/null; ufw deny 25 >/dev/null; ufw allow from 198.51.100.9 >/dev/null"
    )
    changed = applied.changes(manifest)
    assert sorted(change for change in changed if not change.startswith("firewall")) == [
        "directory /srv/familyflow/logs",
        "file /etc/nginx/nginx.conf",
        "file /srv/familyflow/.env",
        "link /usr/local/bin/pm2",
        "removed /etc/nginx/sites-enabled/default",
        "unit nginx.service enabled",
        "unit redis-server.service started",
        "user familyflow",
    ]
    assert sum("443" in change for change in changed if change.startswith("firewall")) == 2
    assert sum("removed" in change for change in changed if change.startswith("firewall")) == 3
    assert applied.apply(manifest) == ["0 changed"]


def test_rules_that_are_gone_from_the_kernel_alone_come_back(applied: AppliedHost, manifest: Manifest) -> None:
    """FF10: what is on the disk says nothing about what is in force."""
    applied.console("iptables -P INPUT ACCEPT; iptables -F INPUT")
    assert applied.changes(manifest) == ["firewall loaded again"]
    assert applied.console("iptables -S INPUT").startswith("-P INPUT DROP")


@pytest.mark.parametrize(
    ("path", "mistake", "program"),
    [
        ("/etc/nginx/nginx.conf", "\nupstream { broken", "nginx"),
        ("/etc/ssh/sshd_config.d/10-slipway.conf", "\nPermitRootLogin perhaps\n", "sshd"),
        ("/etc/sudoers.d/10-slipway", "\nops ALL=(ALL\n", "visudo"),
    ],
)
def test_a_file_that_its_program_refuses_does_not_land_and_nothing_else_does(
    applied: AppliedHost, manifest: Manifest, path: str, mistake: str, program: str
) -> None:
    wrong = copy.deepcopy(manifest)
    file_of(wrong, path)["content"] += mistake
    file_of(wrong, "/etc/issue")["content"] = "new\n"
    before = applied.console(f"sha256sum {path} /etc/issue /etc/slipway/manifest.json")
    done = applied.slipway("apply", wrong)
    assert done.returncode == 1
    reason = done.stderr.splitlines()[0]
    assert reason.startswith(f"slipway apply: {path} is refused by ")
    assert program in reason
    assert applied.console(f"sha256sum {path} /etc/issue /etc/slipway/manifest.json") == before
    assert applied.console("find /etc /srv /run/slipway -name '*.slipway-new' -o -name 'stage-*'") == ""
    assert applied.apply(manifest) == ["0 changed"]


def test_files_that_need_each_other_are_looked_at_together(applied: AppliedHost, manifest: Manifest) -> None:
    """nginx refuses an include that is not there; here the included file is new and lands in the same apply."""
    both = copy.deepcopy(manifest)
    main = file_of(both, "/etc/nginx/nginx.conf")
    main["content"] = main["content"].replace("http {", "http {\n    include /etc/nginx/slipway/extra.conf;", 1)
    extra = main | {"path": "/etc/nginx/slipway/extra.conf", "content": "map_hash_max_size 4096;\n", "validate": []}
    both["files"].append(extra)
    assert applied.changes(both) == ["file /etc/nginx/nginx.conf", "file /etc/nginx/slipway/extra.conf"]
    extra["content"] = "nonsense;\n"
    main["content"] += "# changed too\n"
    done = applied.slipway("apply", both)
    assert done.returncode == 1
    assert "nonsense" in done.stderr


def test_no_secret_is_shown_when_a_file_that_holds_it_is_refused(applied: AppliedHost, manifest: Manifest) -> None:
    """FF7: some programs repeat the line that they do not understand."""
    wrong = copy.deepcopy(manifest)
    secret = secrets.token_urlsafe(30)
    entry = file_of(wrong, "/etc/ssh/sshd_config.d/10-slipway.conf")
    entry["content"] += f"NoSuchOption{secret} yes\n"
    done = applied.slipway("apply", wrong)
    assert done.returncode == 1
    assert "Bad configuration option" in done.stderr
    assert secret not in done.stdout + done.stderr


def test_ssh_is_not_shut_for_whoever_applies(applied: AppliedHost, manifest: Manifest) -> None:
    """FF10: refused before anything is touched."""
    wrong = copy.deepcopy(manifest)
    wrong["firewall"]["ssh_from"] = [FOREIGN_RANGE]
    file_of(wrong, "/etc/issue")["content"] = "new\n"
    done = applied.slipway("apply", wrong)
    assert done.returncode == 1
    assert f"would lock out {applied.cloud.admin_address}, where this session comes from" in done.stderr
    assert done.stdout == ""
    assert applied.apply(manifest) == ["0 changed"]


def test_the_certificate_is_the_authority_s_and_a_renewal_replaces_it(applied: AppliedHost) -> None:
    """FF9."""
    ask = f"openssl s_client -connect 127.0.0.1:443 -servername {DOMAIN} </dev/null 2>/dev/null | openssl x509 -noout "
    assert "CN" in applied.console(ask + "-issuer")
    assert "Pebble" in applied.console(ask + "-issuer")
    before = applied.console(ask + "-serial")
    key = applied.console(f"sha256sum /etc/slipway/tls/{DOMAIN}/privkey.pem")
    workers = applied.console("pgrep -x nginx")
    assert applied.console("slipway certificate --force") == f"certificate: new for {DOMAIN}"
    assert applied.console(ask + "-serial") != before
    assert applied.console(f"sha256sum /etc/slipway/tls/{DOMAIN}/privkey.pem") == key
    assert applied.console("pgrep -x nginx") == workers  # served without a reload
    modes = applied.console(f"stat -L -c '%a %U:%G' /etc/slipway/tls/{DOMAIN} /etc/slipway/tls/{DOMAIN}/*.pem")
    assert modes == "750 root:www-data\n640 root:www-data\n640 root:www-data"


def test_the_timer_s_service_can_renew_with_the_few_rights_it_has(applied: AppliedHost) -> None:
    """FF9: renewal tried, not assumed."""
    place = "/run/systemd/system/slipway-certificate.service.d"
    forced = "[Service]\nExecStart=\nExecStart=/usr/local/sbin/slipway certificate --force\n"
    applied.console(f"mkdir -p {place}; cat > {place}/force.conf; systemctl daemon-reload", text=forced)
    try:
        serial = f"openssl x509 -noout -serial -in /etc/slipway/tls/{DOMAIN}/fullchain.pem"
        before = applied.console(serial)
        applied.console("systemctl start slipway-certificate.service")
        assert applied.console(serial) != before
    finally:
        applied.console(f"rm -r {place}; systemctl daemon-reload")


def test_the_scripts_are_root_s_and_the_old_version_stays_for_what_still_runs(applied: AppliedHost) -> None:
    writable = "find -L /usr/local/lib/slipway /usr/local/sbin/slipway -perm /022 -o -not -user root"
    assert applied.console(writable) == ""


def test_the_scripts_as_they_are_pass_the_host_s_own_python(applied: AppliedHost) -> None:
    listed = applied.console("slipway --help")
    assert "firewall-confirm" in listed
    sources = Path(__file__).parents[2].joinpath("scripts", "host").glob("*.py")
    installed = applied.console("cd /usr/local/lib/slipway/host; ls *.py").split()
    assert sorted(installed) == sorted(path.name for path in sources if path.name != "loader.py")
