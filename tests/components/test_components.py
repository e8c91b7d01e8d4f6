"""Each component decides something (ALL2, ALL4, ALL5): what it declares, under whom, what is protected and secret."""

from __future__ import annotations

from typing import Any

import pytest

from components.bucket import Bucket, BucketArgs
from components.dns import Names, NamesArgs, Zone
from components.droplet import Droplet, DropletArgs
from components.firewall import Firewall, FirewallArgs
from components.keys import Keys
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network, NetworkArgs
from components.project import Group, GroupArgs
from settings.backing import Lifecycle
from settings.stack import Alerts, Dns
from tests.components.conftest import Record, Recorded


def _droplet(**changes: object) -> DropletArgs:
    given: dict[str, object] = {
        "region": "nyc3",
        "size": "s-2vcpu-4gb",
        "image": "ubuntu-24-04-x64",
        "network_id": "vpc",
        "user_data": "#cloud-config",
        "login_key": "aa:bb",
        "tags": ["shop-host"],
    }
    return DropletArgs(**{**given, **changes})  # type: ignore[arg-type]


def _children_belong_to_their_component(recorded: Recorded, component: str) -> None:
    for resource in recorded.graph:
        if resource.custom:
            assert f"slipway:{component}$" in resource.urn, resource.urn


def test_a_network_is_protected_and_has_the_range_of_the_stack_file(record: Record) -> None:
    recorded = record(lambda: Network("shop", NetworkArgs("nyc3", "10.100.0.0/20")))
    vpc = recorded.one("Vpc")
    assert vpc.protect
    assert vpc.inputs == {"name": "shop", "region": "nyc3", "ipRange": "10.100.0.0/20"}
    _children_belong_to_their_component(recorded, "network:Network")


def test_a_bucket_is_private_protected_and_its_key_opens_nothing_else(record: Record) -> None:
    recorded = record(lambda: Bucket("shop-uploads", BucketArgs("shop-uploads", "nyc3", Lifecycle())))
    bucket, key = recorded.one("SpacesBucket"), recorded.one("SpacesKey")
    assert bucket.protect
    assert bucket.inputs["acl"] == "private"
    assert bucket.inputs["forceDestroy"] is False
    assert bucket.inputs["lifecycleRules"][0]["abortIncompleteMultipartUploadDays"] == 7
    assert bucket.inputs["lifecycleRules"][0]["noncurrentVersionExpiration"] == {"days": 30}
    assert key.inputs["grants"] == [{"bucket": "shop-uploads", "permission": "readwrite"}]
    _children_belong_to_their_component(recorded, "bucket:Bucket")


def test_a_public_bucket_without_versions_says_so(record: Record) -> None:
    args = BucketArgs("shop-uploads", "nyc3", Lifecycle(expire_after=90), versioning=False, public=True)
    bucket = record(lambda: Bucket("shop-uploads", args)).one("SpacesBucket")
    assert bucket.inputs["acl"] == "public-read"
    assert bucket.inputs["versioning"] == {"enabled": False}
    assert bucket.inputs["lifecycleRules"][0]["expiration"] == {"days": 90}
    assert "noncurrentVersionExpiration" not in bucket.inputs["lifecycleRules"][0]


def test_the_firewall_lets_ssh_in_from_the_admin_ranges_alone(record: Record) -> None:
    """FF10."""
    firewall = record(lambda: Firewall("shop", FirewallArgs("shop-host", ["203.0.113.7/32"]))).one("Firewall")
    inbound = {
        (rule["protocol"], rule.get("portRange")): rule["sourceAddresses"] for rule in firewall.inputs["inboundRules"]
    }
    assert inbound[("tcp", "22")] == ["203.0.113.7/32"]
    assert {key for key in inbound if key[0] == "tcp"} == {("tcp", "22"), ("tcp", "80"), ("tcp", "443")}
    assert {rule["protocol"] for rule in firewall.inputs["outboundRules"]} == {"tcp", "udp", "icmp"}
    assert all(rule.get("portRange") != "1-65535" for rule in firewall.inputs["outboundRules"])
    assert firewall.inputs["tags"] == ["shop-host"]


def test_private_keys_are_secrets(record: Record) -> None:
    """ALL3."""
    import pulumi

    def program() -> None:
        keys = Keys("shop-keys")
        for name in ("deploy_private", "first_host_private"):
            pulumi.export(name, getattr(keys, name))

    recorded = record(program)
    assert {key.inputs["algorithm"] for key in recorded.all("PrivateKey")} == {"ED25519"}
    assert len(recorded.all("PrivateKey")) == 2


def test_a_droplet_is_watched_backed_up_and_not_replaced_for_its_first_boot(record: Record) -> None:
    recorded = record(lambda: Droplet("shop", _droplet()))
    droplet = recorded.one("Droplet")
    assert droplet.inputs["monitoring"] is True
    assert droplet.inputs["backups"] is True
    assert droplet.inputs["backupPolicy"] == {"plan": "weekly", "hour": 4, "weekday": "SUN"}
    assert droplet.inputs["resizeDisk"] is False
    assert set(droplet.ignore_changes) == {"image", "userData", "sshKeys"}
    assert droplet.inputs["name"] == "shop"
    assert recorded.one("ReservedIp").protect
    _children_belong_to_their_component(recorded, "droplet:Droplet")


def test_a_droplet_without_backups_and_address_has_neither(record: Record) -> None:
    recorded = record(lambda: Droplet("shop", _droplet(backups="off", reserved_address=False)))
    droplet = recorded.one("Droplet")
    assert droplet.inputs["backups"] is False
    assert "backupPolicy" not in droplet.inputs
    assert not recorded.all("ReservedIp")


def test_a_volume_is_protected(record: Record) -> None:
    """ALL4."""
    recorded = record(lambda: Droplet("shop", _droplet(volume=20)))
    volume = recorded.one("Volume")
    assert volume.protect
    assert volume.inputs["size"] == 20
    assert recorded.one("VolumeAttachment").delete_before_replace


def _names(domains: list[str], dns: Dns) -> None:
    Names("shop-names", NamesArgs(domains, "192.0.2.1", dns, Zone("shop-zone", dns)))


@pytest.mark.parametrize(("domain", "record_name"), [("shop.example.com", "shop"), ("example.com", "@")])
def test_digitalocean_writes_names_relative_to_their_zone(record: Record, domain: str, record_name: str) -> None:
    dns = Dns(provider="digitalocean", zone="example.com", create_zone=True)
    recorded = record(lambda: _names([domain], dns))
    entry = recorded.one("DnsRecord")
    assert (entry.inputs["name"], entry.inputs["type"], entry.inputs["value"]) == (record_name, "A", "192.0.2.1")
    assert recorded.one("Domain").protect


def test_a_zone_that_exists_is_not_made(record: Record) -> None:
    dns = Dns(provider="digitalocean", zone="example.com")
    recorded = record(lambda: _names(["shop.example.com"], dns))
    assert not recorded.all("Domain")
    assert recorded.one("DnsRecord").inputs["domain"] == "example.com"


def test_cloudflare_gets_whole_names_and_its_least_ttl(record: Record) -> None:
    dns = Dns(provider="cloudflare", zone="example.com", zone_id="0" * 32, ttl=30)
    recorded = record(lambda: _names(["shop.example.com"], dns))
    entry = recorded.one("DnsRecord")
    assert entry.package == "cloudflare"
    assert entry.inputs["name"] == "shop.example.com"
    assert entry.inputs["content"] == "192.0.2.1"
    assert entry.inputs["ttl"] == 60
    assert entry.inputs["proxied"] is False


@pytest.mark.parametrize("where", [{"provider": "digitalocean"}, {"provider": "cloudflare", "zone_id": "0" * 32}])
def test_a_stack_that_others_stand_in_for_makes_no_records_yet(record: Record, where: dict[str, Any]) -> None:
    dns = Dns(zone="example.com", records=False, **where)
    recorded = record(lambda: _names(["shop.example.com"], dns))
    assert not [resource for resource in recorded.graph if resource.custom]


def test_printed_records_need_no_provider(record: Record) -> None:
    recorded = record(lambda: _names(["shop.example.com"], Dns(provider="print")))
    assert not [resource for resource in recorded.graph if resource.custom]


def test_somebody_hears_of_it(record: Record) -> None:
    """FF11."""
    args = MonitoringArgs(["https://shop.example.com/health"], ["shop-host"], Alerts(email=("ops@example.com",)))
    recorded = record(lambda: Monitoring("shop-monitoring", args))
    assert recorded.one("UptimeCheck").inputs["target"] == "https://shop.example.com/health"
    assert {alert.inputs["type"] for alert in recorded.all("UptimeAlert")} == {"down_global", "ssl_expiry", "latency"}
    assert {alert.inputs["value"] for alert in recorded.all("MonitorAlert")} == {90, 85}
    assert all(alert.inputs["tags"] == ["shop-host"] for alert in recorded.all("MonitorAlert"))


def test_each_name_is_looked_at_by_itself_and_the_first_keeps_its_resources(record: Record) -> None:
    targets = ["https://app.example.com/", "https://api.example.com/health/"]
    made: list[Monitoring] = []
    args = MonitoringArgs(targets, ["shop-host"], Alerts(email=("ops@example.com",)))
    recorded = record(lambda: made.append(Monitoring("shop-monitoring", args)))
    checks = {check.name: check for check in recorded.all("UptimeCheck")}
    assert {name: check.inputs["target"] for name, check in checks.items()} == {
        "shop-monitoring-uptime": targets[0],
        "shop-monitoring-uptime-api.example.com": targets[1],
    }
    alerts = {alert.name: alert.property_dependencies["checkId"] for alert in recorded.all("UptimeAlert")}
    for what in ("down", "certificate", "latency"):
        for suffix in ("", "-api.example.com"):
            assert alerts[f"shop-monitoring-{what}{suffix}"] == (checks[f"shop-monitoring-uptime{suffix}"].urn,)
    assert len(recorded.all("MonitorAlert")) == 3
    assert made[0].monthly == 2.0


def test_without_an_address_there_are_no_alerts_but_the_check_stays(record: Record) -> None:
    recorded = record(
        lambda: Monitoring("shop-monitoring", MonitoringArgs(["https://x.example.com/"], ["t"], Alerts()))
    )
    assert recorded.one("UptimeCheck")
    assert not recorded.all("UptimeAlert")
    assert not recorded.all("MonitorAlert")


def test_a_group_tags_by_product_and_environment(record: Record) -> None:
    """ALL2."""

    def program() -> None:
        group = Group("shop-staging", GroupArgs("shop", "staging", {"product": "shop", "environment": "staging"}))
        for _ in range(2):  # whoever asks second gets the same
            group.hosts()
            group.part("web")

    recorded = record(program)
    kept = {tag.inputs["name"]: tag.retain_on_delete for tag in recorded.all("Tag")}
    # the account's outlive the stack: another one may have them too
    assert kept == {
        "product:shop": True,
        "environment:staging": True,
        "shop-staging-host": False,
        "shop-staging-web": False,
    }
    assert recorded.one("Project").inputs["environment"] == "Staging"
