"""The architecture `fleet-compose` as Vulcan's stack file asks for it, declared in process (VU1, VU2, VU10, ALL1-5)."""

from __future__ import annotations

import itertools
from graphlib import TopologicalSorter
from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import Run
from policies.graph import Resource
from tests.architectures.declared import Change, after, declared, named, values_of

SECRETS = frozenset({"GHCR_PAT", "SUPABASE_SECRET"})
NAME = "vulcan-prod"
FOUNDATION = {"Vpc", "Domain", "DatabaseCluster", "DatabaseFirewall", "DatabaseDb", "RandomPassword"}


def _declared(change: Change = lambda values: None, stack: str = "prod") -> Run:
    return declared("prod", SECRETS, change, stack)


def _with_data_hosts(values: dict[str, Any]) -> None:
    values["product"]["backing"]["database"] = {"engine": "postgres", "provider": "host", "version": 17, "volume": 20}
    values["product"]["backing"]["cache"] = {"engine": "redis", "provider": "host"}


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


@pytest.fixture(scope="module")
def with_data() -> Run:
    return _declared(_with_data_hosts)


def _around(result: Run, resource: Resource) -> list[Resource]:
    found = [resource]
    while found[-1].parent:
        parent = result.graph.get(found[-1].parent)
        assert parent is not None
        found.append(parent)
    return found


def _order(result: Run) -> list[str]:
    """An order in which the engine can make everything; CycleError where there is none."""
    needs: dict[str, set[str]] = {}
    for resource in result.graph:
        named_by = [*resource.dependencies, *itertools.chain(*resource.property_dependencies.values())]
        # a component waits for nothing itself: what is in it waits for what the component names
        waits = {urn for one in _around(result, resource) for urn in one.dependencies} if resource.custom else set()
        needs[resource.urn] = {*named_by, *waits} if resource.custom else set()
    return list(TopologicalSorter(needs).static_order())


def test_what_holds_data_is_protected_and_nothing_else(whole: Run) -> None:
    """ALL4."""
    assert {resource.kind for resource in whole.graph if resource.protect} == {*FOUNDATION}


def test_everything_but_what_is_generated_belongs_to_a_component(whole: Run) -> None:
    alone = {resource.name for resource in whole.graph if resource.custom and resource.parent is None}
    assert alone == {"vulcan-prod-backend-secret-key"}


def test_every_resource_is_named_after_product_and_environment() -> None:
    """ALL2."""
    result = declared("staging", SECRETS, stack="qa")
    assert all(resource.name.startswith("vulcan-qa") for resource in result.graph if resource.custom)
    tags = set(named(result, "vulcan-qa-1-droplet").inputs["tags"])
    assert {"product:vulcan", "environment:qa", "vulcan-qa-host", "vulcan-qa-web"} <= tags


def test_there_is_a_tag_of_the_hosts_of_data_where_there_are_any(whole: Run, with_data: Run) -> None:
    name = f"{NAME}-tag-data"
    assert name not in {one.name for one in whole.graph}
    assert name in {one.name for one in with_data.graph}


@pytest.mark.parametrize("change", [lambda values: None, _with_data_hosts], ids=["managed", "on hosts"])
def test_nothing_waits_for_itself(change: Change) -> None:
    """VU1: hosts and the databases that trust them make no circle."""
    result = _declared(change)
    order = _order(result)
    assert set(order) == {resource.urn for resource in result.graph}


def test_a_host_has_its_firewall_before_it_is_there_and_only_the_balancer_gets_in(whole: Run) -> None:
    """VU1."""
    for number in (1, 2):
        assert after(whole, named(whole, f"{NAME}-{number}-droplet"), named(whole, f"{NAME}-firewall-rules"))
    rules = named(whole, f"{NAME}-web-firewall-rules")
    inward = [rule for rule in rules.blocks("inboundRules") if rule["protocol"] != "icmp"]
    assert [(rule["portRange"], sorted(rule)) for rule in inward] == [
        (port, ["portRange", "protocol", "sourceLoadBalancerUids"]) for port in ("80", "443")
    ]
    assert named(whole, f"{NAME}-web-balancer").urn in rules.property_dependencies["inboundRules"]
    ssh = named(whole, f"{NAME}-firewall-rules").blocks("inboundRules")
    assert {rule["portRange"] for rule in ssh if rule["protocol"] == "tcp"} == {"22"}


def test_a_service_goes_by_a_pool_where_it_asks_for_one() -> None:
    """VU2."""

    def change(values: dict[str, Any]) -> None:
        values["product"]["backing"]["database"]["pools"] = {"web": {"size": 20}}
        values["product"]["services"]["backend"]["environment"] |= {
            "DATABASE_URL": {"from": "database", "pool": "web"},
            "MIGRATIONS_URL": {"from": "database"},
        }

    manifest = named(_declared(change), f"{NAME}-1-host-apply").manifest
    assert manifest is not None
    (told,) = [file["content"] for file in manifest["files"] if file["path"] == "/opt/vulcan/env/backend.env"]
    urls = dict(line.split("=", 1) for line in told.splitlines() if "_URL=" in line)
    assert urls["DATABASE_URL"].endswith(":25061/web?sslmode=require'")
    assert urls["MIGRATIONS_URL"].endswith(":25060/vulcan?sslmode=require'")


def test_databases_trust_this_stacks_hosts_and_depend_on_none(whole: Run) -> None:
    """VU2."""
    droplets = {one.urn for one in whole.graph.of("digitalocean:index/droplet:Droplet")}
    for name in ("database", "cache"):
        cluster = named(whole, f"{NAME}-{name}-cluster")
        assert cluster.inputs["privateNetworkUuid"]
        trusted = named(whole, f"{NAME}-{name}-trusted-sources")
        assert trusted.inputs["rules"] == [{"type": "tag", "value": "vulcan-prod-host"}]
        for one in (cluster, trusted):
            assert not droplets & {*one.dependencies, *itertools.chain(*one.property_dependencies.values())}


def test_hosts_are_prepared_then_all_released_then_balanced_then_named_then_watched(whole: Run) -> None:
    """A host enters the balancer once it serves."""
    release = named(whole, f"{NAME}-fleet-release")
    for number, step in itertools.product((1, 2), ("bootstrap", "apply", "firewall-confirm")):
        assert after(whole, release, named(whole, f"{NAME}-{number}-host-{step}"))
    balancer = named(whole, f"{NAME}-web-balancer")
    assert after(whole, balancer, release)
    record = named(whole, f"{NAME}-names-app.example.com")
    assert after(whole, record, balancer)
    assert after(whole, named(whole, f"{NAME}-monitoring-uptime"), record)


def test_the_balancer_names_each_host_ends_tls_and_asks_every_ten_seconds(whole: Run) -> None:
    """DV6, VU1."""
    balancer = named(whole, f"{NAME}-web-balancer")
    urns = {named(whole, f"{NAME}-{number}-droplet").urn for number in (1, 2)}
    assert set(balancer.property_dependencies["dropletIds"]) == urns
    assert balancer.inputs["redirectHttpToHttps"] is True
    assert balancer.inputs["healthcheck"]["checkIntervalSeconds"] == 10
    assert balancer.inputs["healthcheck"]["unhealthyThreshold"] == 2
    assert named(whole, f"{NAME}-web-certificate").inputs["domains"] == ["app.example.com", "api.example.com"]


def test_each_host_confirms_the_very_firewall_that_it_is_told(with_data: Run) -> None:
    """A change that nobody confirms is put back by the host."""
    hosts = [f"{NAME}-1", f"{NAME}-2", f"{NAME}-data-1"]
    for host in hosts:
        told, confirmed = (named(with_data, f"{host}-host-{step}") for step in ("apply", "firewall-confirm"))
        assert told.manifest is not None
        assert confirmed.standard_input == told.manifest["firewall"]
        assert not confirmed.is_secret("stdin")


def test_what_holds_secrets_is_a_secret_and_no_command_line_holds_one(whole: Run) -> None:
    """ALL3."""
    commands = whole.graph.of("command:remote:Command", "command:local:Command")
    for command in commands:
        assert "\u2039" not in str(command.inputs["create"]), command.name
        assert not command.is_secret("create")
    for command in whole.graph.of("command:remote:Command"):
        assert command.is_secret("connection.privateKey"), command.name
        assert command.inputs["connection"]["hostKey"], command.name
    for name in (f"{NAME}-1-host-apply", f"{NAME}-2-host-apply", f"{NAME}-fleet-release"):
        assert named(whole, name).is_secret("stdin"), name
    assert not whole.outputs.secrets


def test_all_hosts_are_released_as_one_by_digest(whole: Run) -> None:
    """VU3, VU5."""
    asked = named(whole, f"{NAME}-fleet-release").standard_input
    assert [host["name"] for host in asked["hosts"]] == [f"{NAME}-1", f"{NAME}-2"]
    assert all(host["host_key"] for host in asked["hosts"])
    assert asked["request"]["images"] == values_of("prod")["product"]["release"]["images"]


def test_hosts_of_a_fleet_differ_in_their_name_alone(whole: Run) -> None:
    first, second = (named(whole, f"{NAME}-{number}-host-apply").manifest for number in (1, 2))
    assert first is not None
    assert second is not None
    assert (first["hostname"], second["hostname"]) == (f"{NAME}-1", f"{NAME}-2")
    assert {**first, "hostname": None} == {**second, "hostname": None}


def test_a_host_waits_for_its_last_requests_before_it_goes(whole: Run) -> None:
    """It is of the machine, so the engine ends it before, and another machine has another."""
    for number in (1, 2):
        leaving = named(whole, f"{NAME}-{number}-leaving-wait")
        droplet = named(whole, f"{NAME}-{number}-droplet")
        assert whole.graph.depends(leaving, droplet)
        assert leaving.property_dependencies["triggers"] == (droplet.urn,)
        assert leaving.inputs["delete"] == "sleep 45"
        assert "delete" in leaving.ignore_changes


def test_data_hosts_are_prepared_first_and_reached_by_the_stacks_hosts_alone(with_data: Run) -> None:
    """VU2."""
    assert named(with_data, f"{NAME}-data-1-volume").protect
    data = named(with_data, f"{NAME}-data-1-host-apply")
    assert after(with_data, data, named(with_data, f"{NAME}-data-1-volume-attachment"))
    for number in (1, 2):
        assert after(with_data, named(with_data, f"{NAME}-{number}-host-apply"), data)
    rules = named(with_data, f"{NAME}-data-firewall-rules")
    assert after(with_data, named(with_data, f"{NAME}-data-1-droplet"), rules)
    inward = {rule["portRange"]: rule for rule in rules.blocks("inboundRules") if rule["protocol"] == "tcp"}
    assert set(inward) == {"5432", "6379"}
    for rule in inward.values():
        assert "sourceAddresses" not in rule
        assert set(rule["sourceTags"]) == {"vulcan-prod-web", "vulcan-prod-data"}


def test_a_volume_is_unmounted_by_its_host_before_it_is_detached(with_data: Run) -> None:
    """The engine removes it before the attachment that it is of; the host knows how once it is set up."""
    unmounting = named(with_data, f"{NAME}-data-1-unmounting-order")
    attachment, droplet = (named(with_data, f"{NAME}-data-1-{part}") for part in ("volume-attachment", "droplet"))
    assert unmounting.property_dependencies["triggers"] == (attachment.urn,)
    assert after(with_data, unmounting, named(with_data, f"{NAME}-data-1-host-apply"))
    assert (unmounting.inputs["create"], unmounting.inputs["delete"]) == ("true", "scripts/fleet.sh unmount")
    assert unmounting.is_secret("stdin")
    told = unmounting.standard_input["hosts"][0]
    assert (told["name"], told["address"]) == (f"{NAME}-data-1", droplet.outputs["ipv4Address"])
    assert told["host_key"]
    assert [one.name for one in with_data.graph if one.name.endswith("unmounting-order")] == [unmounting.name]


@pytest.mark.parametrize("change", [lambda values: None, _with_data_hosts], ids=["managed", "on hosts"])
def test_the_exported_cost_is_the_plans(change: Change) -> None:
    result = _declared(change)
    assert str(result.outputs.values["monthly_cost"]).startswith(f"{cost_of(result.graph).monthly:.2f} USD")


@pytest.mark.parametrize(
    "key", ["url", "health", "address", "hosts", "login", "known_hosts", "release", "monthly_cost"]
)
def test_the_outputs_say_where_it_is_and_what_runs(whole: Run, key: str) -> None:
    assert whole.outputs.values[key]


def test_every_host_that_somebody_logs_in_to_has_its_key_in_known_hosts(with_data: Run) -> None:
    """Those with data too."""
    values = with_data.outputs.values
    assert {f"{NAME}-1", f"{NAME}-2", f"{NAME}-data-1"} <= set(values["hosts"])
    keys = dict(line.split(" ", 1) for line in values["known_hosts"].splitlines())
    assert set(keys) == set(values["hosts"].values())
    assert len(set(keys.values())) == len(keys), "each has a key of its own"
