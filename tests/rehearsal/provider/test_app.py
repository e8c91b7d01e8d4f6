"""Apps: what the platform answers of them, what it keeps encrypted, who may reach what, and what it refuses."""

from __future__ import annotations

import copy
import secrets
from typing import Any

import pytest

from rehearsal.provider.digitalocean.app_secrets import Vault
from rehearsal.provider.ignoring import ignoring
from rehearsal.provider.values import UNKNOWN, Properties, plain, unmarshal

VPC = "digitalocean:index/vpc:Vpc"
ZONE = "digitalocean:index/domain:Domain"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
FIREWALL = "digitalocean:index/databaseFirewall:DatabaseFirewall"
PROJECT = "digitalocean:index/project:Project"
RESOURCES = "digitalocean:index/projectResources:ProjectResources"
APP = "digitalocean:index/app:App"

DIGEST, OTHER = f"sha256:{1:064x}", f"sha256:{2:064x}"
VALUE = secrets.token_hex(12)
IMAGE = {"registryType": "GHCR", "registry": "owner", "repository": "app", "digest": DIGEST}
SERVICE: Properties = {
    "name": "web",
    "image": {**IMAGE, "registryCredentials": "user:token"},
    "instanceSizeSlug": "apps-s-1vcpu-1gb",
    "instanceCount": 2,
    "httpPort": 8000,
    "envs": [{"key": "PLAIN", "value": "1", "type": "GENERAL"}, {"key": "SECRET", "value": VALUE, "type": "SECRET"}],
    "logDestinations": [{"name": "papertrail", "papertrail": {"endpoint": "syslog+tls://logs7.papertrailapp.com:1"}}],
}
JOB: Properties = {"name": "migrate", "kind": "PRE_DEPLOY", "image": IMAGE, "runCommand": "alembic upgrade head"}
NAMES = [{"name": "www.example.com", "type": "ALIAS", "zone": "example.com"},
         {"name": "example.com", "type": "PRIMARY", "zone": "example.com"}]  # fmt: skip


@pytest.fixture
def spec(digitalocean: Any) -> Properties:
    network, _ = digitalocean.create(VPC, {"region": "nyc3", "ipRange": "10.20.0.0/24", "name": "net"})
    digitalocean.create(ZONE, {"name": "example.com"})
    parts = copy.deepcopy({"services": [SERVICE], "jobs": [JOB], "domainNames": NAMES})
    return {"name": "app", "region": "nyc", "vpcs": [{"id": network}], **parts}


def _variables(outputs: Properties) -> dict[str, str]:
    return {each["key"]: each["value"] for each in plain(outputs["spec"])["services"][0]["envs"]}


def test_an_app_has_the_outputs_of_the_platform(digitalocean: Any, spec: Properties) -> None:
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    assert (outputs["appUrn"], outputs["liveUrl"]) == (f"do:app:{identifier}", "https://example.com")
    assert outputs["defaultIngress"].startswith("https://app-")
    assert outputs["defaultIngress"].endswith(".ondigitalocean.app")
    row = digitalocean.store.read()["apps"][identifier]
    assert [each["id"] for each in row["deployments"]] == [outputs["activeDeploymentId"]]
    project, _ = digitalocean.create(PROJECT, {"name": "p"})
    digitalocean.create(RESOURCES, {"project": project, "resources": [outputs["appUrn"]]})


def test_a_preview_makes_no_app(digitalocean: Any, spec: Properties) -> None:
    _, outputs = digitalocean.create(APP, {"spec": {**spec, "vpcs": UNKNOWN}}, preview=True)
    assert outputs["defaultIngress"] is UNKNOWN
    assert not digitalocean.store.read()["apps"]


def test_the_names_of_an_app_lead_to_it_and_the_logs_to_who_takes_them(digitalocean: Any, spec: Properties) -> None:
    _, outputs = digitalocean.create(APP, {"spec": spec})
    led = {name.split(" A ")[0] for name in digitalocean.store.read()["paper_names"]}
    ingress = outputs["defaultIngress"].removeprefix("https://")
    assert led == {"example.com", "www.example.com", ingress, "logs7.papertrailapp.com"}


def test_what_is_secret_is_answered_encrypted_and_otherwise_each_time(digitalocean: Any, spec: Properties) -> None:
    """SF5"""
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    first = _variables(outputs)
    assert first["PLAIN"] == "1"
    assert first["SECRET"].startswith("EV[1:")
    assert plain(outputs["spec"])["services"][0]["image"]["registryCredentials"].startswith("EV[1:")
    again = _variables(digitalocean.update(APP, identifier, outputs, {"spec": spec}))
    assert again["SECRET"].startswith("EV[1:")
    assert again["SECRET"] != first["SECRET"]


def test_an_encrypted_value_that_is_sent_back_is_what_it_stood_for(digitalocean: Any, spec: Properties) -> None:
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    runs = digitalocean.store.read()["paper_servers"][identifier]["parts"]["web"]["variables"]
    back = copy.deepcopy(plain(outputs["spec"]))
    back["services"][0]["instanceCount"] = 3
    updated = digitalocean.update(APP, identifier, outputs, {"spec": back})
    assert _variables(updated) == _variables(outputs)
    assert digitalocean.store.read()["paper_servers"][identifier]["parts"]["web"]["variables"] == runs


def test_a_specification_that_is_as_it_was_is_no_deployment(digitalocean: Any, spec: Properties) -> None:
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    digitalocean.update(APP, identifier, outputs, {"spec": plain(outputs["spec"]), "deploymentPerPage": 5})
    assert len(digitalocean.store.read()["apps"][identifier]["deployments"]) == 1


def test_another_apps_encrypted_value_is_refused(digitalocean: Any, spec: Properties) -> None:
    spec["services"][0]["envs"][1]["value"] = Vault(Vault.new_key()).close(VALUE)
    with pytest.raises(Exception, match="the encrypted value is not this app's"):
        digitalocean.create(APP, {"spec": spec})
    assert not digitalocean.store.read()["apps"]


def test_a_database_that_trusts_an_app_lets_in_what_runs_for_it(digitalocean: Any, spec: Properties) -> None:
    """SF3"""
    app, state = digitalocean.create(APP, {"spec": spec})
    pg = {"name": "database", "engine": "pg", "version": "17", "size": "db-s-1vcpu-1gb", "nodeCount": 1}
    inputs = {**pg, "region": "nyc3", "privateNetworkUuid": spec["vpcs"][0]["id"]}
    cluster, _ = digitalocean.create(CLUSTER, inputs)
    digitalocean.create(FIREWALL, {"clusterId": cluster, "rules": [{"type": "app", "value": app}]})

    def trusted() -> Any:
        return digitalocean.store.read()["paper_servers"][cluster]["trusted"]

    assert trusted() == ["10.0.1.10/32", "10.0.1.11/32"]
    spec["services"][0]["instanceCount"] = 1
    digitalocean.update(APP, app, state, {"spec": spec})
    assert trusted() == ["10.0.1.10/32"]
    digitalocean.delete(APP, app, state)
    assert trusted() == []


def test_a_failed_deployment_names_the_component_and_leaves_the_one_that_serves(
    digitalocean: Any, spec: Properties
) -> None:
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    with digitalocean.store.transaction() as account:
        account["paper_bad_images"][f"ghcr.io/owner/app@{OTHER}"] = {"step": "deploy", "code": "HealthChecksFailed"}
    spec["services"][0]["image"]["digest"] = OTHER
    with pytest.raises(Exception, match=r'ComponentName:"web", Reason:\{Code:"HealthChecksFailed"'):
        digitalocean.update(APP, identifier, outputs, {"spec": spec})
    read = unmarshal(digitalocean.read(APP, identifier, outputs).properties)
    assert read["activeDeploymentId"] == outputs["activeDeploymentId"]
    assert plain(read["spec"])["services"][0]["image"]["digest"] == OTHER, "the platform keeps what it was told"


def test_a_network_with_an_app_stays(digitalocean: Any, spec: Properties) -> None:
    app, state = digitalocean.create(APP, {"spec": spec})
    network = spec["vpcs"][0]["id"]
    with pytest.raises(Exception, match="409 Can not delete VPC with members"):
        digitalocean.delete(VPC, network, {})
    digitalocean.delete(APP, app, state)
    digitalocean.delete(VPC, network, {})


def test_an_app_that_is_gone_is_read_as_gone(digitalocean: Any, spec: Properties) -> None:
    app, state = digitalocean.create(APP, {"spec": spec})
    with digitalocean.store.transaction() as account:
        account["paper_servers"].clear()
    assert not digitalocean.read(APP, app, state).id
    assert not digitalocean.store.read()["apps"]


def test_only_another_project_replaces_an_app(digitalocean: Any, spec: Properties) -> None:
    changed = digitalocean.diff(APP, {"spec": spec}, {"spec": {**spec, "region": "ams"}})
    assert (list(changed.diffs), list(changed.replaces)) == (["spec"], [])
    moved = digitalocean.diff(APP, {"spec": spec, "projectId": "a"}, {"spec": spec, "projectId": "b"})
    assert list(moved.replaces) == ["projectId"]


def test_the_order_of_variables_means_nothing(digitalocean: Any, spec: Properties) -> None:
    other = copy.deepcopy(spec)
    other["services"][0]["envs"].reverse()
    assert not digitalocean.diff(APP, {"spec": spec}, {"spec": other}).diffs


def test_paths_that_are_ignored_keep_what_there_was() -> None:
    old, new = {"spec": {"a": [{"x": 1, "y": 1}]}}, {"spec": {"a": [{"x": 2, "y": 2}, {"x": 3}]}}
    paths = ["spec.a[0].x", "spec.a[1].x", 'spec["b"]', "other"]
    assert ignoring(paths, new, old) == {"spec": {"a": [{"x": 1, "y": 2}, {"x": 3}]}}
    assert new["spec"]["a"][0]["x"] == 2


def _with(spec: Properties, **changes: Any) -> Properties:
    return {**spec, "services": [{**spec["services"][0], **changes}]}


SCALED = {"minInstanceCount": 1, "maxInstanceCount": 3, "metrics": {"cpu": {"percent": 70}}}
PARTS: list[tuple[str, Properties]] = [
    ("instance size apps-s-1vcpu-1gb-fixed does not support more", {"instanceSizeSlug": "apps-s-1vcpu-1gb-fixed"}),
    ("instance size apps-huge is not valid", {"instanceSizeSlug": "apps-huge"}),
    ("does not support autoscaling", {"instanceCount": None, "autoscaling": SCALED}),
    ("instance_count can't be set", {"instanceSizeSlug": "apps-d-1vcpu-1gb", "autoscaling": SCALED}),
    ("min_instance_count must be less", {"autoscaling": {**SCALED, "maxInstanceCount": 1}, "instanceCount": None,
                                         "instanceSizeSlug": "apps-d-1vcpu-1gb"}),
    ("only one of tag and digest", {"image": {**IMAGE, "tag": "1"}}),
    ("are asked for a digest", {"image": {**IMAGE, "digest": "latest"}}),
    ("image.registry is required", {"image": {"registryType": "GHCR", "repository": "app", "digest": DIGEST}}),
    ("has no registry DOCR", {"image": {**IMAGE, "registryType": "DOCR"}}),
    ("expected registryType to be one of", {"image": {**IMAGE, "registryType": "QUAY"}}),
    ("http_port is required", {"httpPort": None}),
    ("invalid component name", {"name": "Web"}),
    ("component name migrate is used more than once", {"name": "migrate"}),
    ("environment variable A is set more than once", {"envs": [{"key": "A", "value": value} for value in "12"]}),
    ("expected type to be one of", {"envs": [{"key": "A", "value": "1", "type": "HIDDEN"}]}),
    ("expected rule to be one of", {"alerts": [{"rule": "DISK", "operator": "GREATER_THAN", "value": 1}]}),
    ("expected window to be one of", {"alerts": [{"rule": "CPU_UTILIZATION", "window": "ONE_DAY"}]}),
    (r"expected drainSeconds to be in the range \(1 - 110\)", {"termination": {"drainSeconds": 120}}),
    (r"expected gracePeriodSeconds to be in the range \(1 - 600\)", {"termination": {"gracePeriodSeconds": 601}}),
]  # fmt: skip


@pytest.mark.parametrize(("wording", "changes"), PARTS, ids=[wording for wording, _ in PARTS])
def test_it_refuses_a_component_that_the_platform_refuses(
    digitalocean: Any, spec: Properties, wording: str, changes: Properties
) -> None:
    with pytest.raises(Exception, match=wording):
        digitalocean.create(APP, {"spec": _with(spec, **changes)})
    assert not digitalocean.store.read()["apps"]


WHOLE: list[tuple[str, Properties]] = [
    ("region mars is not valid for apps", {"region": "mars"}),
    ("is in nyc3, the app in ams", {"region": "ams"}),
    ("VPC none not found", {"vpcs": [{"id": "none"}]}),
    (r"length of name to be in the range \(2 - 32\)", {"name": "a" * 33}),
    ("invalid app name App", {"name": "App"}),
    ("zone other.com of domain", {"domainNames": [{"name": "www.other.com", "zone": "other.com"}]}),
    ("only one domain can be PRIMARY", {"domainNames": [{**name, "type": "PRIMARY"} for name in NAMES]}),
    ("expected rule to be one of", {"alerts": [{"rule": "CPU_UTILIZATION"}]}),
    ("at least one component", {"services": [], "jobs": []}),
    ("no databases yet", {"databases": [{"name": "db"}]}),
    ("no jobs of the kind FAILED_DEPLOY yet", {"jobs": [{**JOB, "kind": "FAILED_DEPLOY"}]}),
    ("expected kind to be one of", {"jobs": [{**JOB, "kind": "SCHEDULED"}]}),
    ("no service is called api", {"ingress": {"rules": [{"component": {"name": "api", "preservePathPrefix": True}}]}}),
    ("preserves the path prefix", {"ingress": {"rules": [{"component": {"name": "web"}}]}}),
    ("redirects nobody", {"ingress": {"rules": [{"redirect": {"uri": "/"}}]}}),
]


@pytest.mark.parametrize(("wording", "changes"), WHOLE, ids=[wording for wording, _ in WHOLE])
def test_it_refuses_a_specification_that_the_platform_refuses(
    digitalocean: Any, spec: Properties, wording: str, changes: Properties
) -> None:
    with pytest.raises(Exception, match=wording):
        digitalocean.create(APP, {"spec": {**spec, **changes}})
    assert not digitalocean.store.read()["apps"]


def test_a_name_and_a_domain_are_one_apps_alone_and_a_region_stays(digitalocean: Any, spec: Properties) -> None:
    identifier, outputs = digitalocean.create(APP, {"spec": spec})
    with pytest.raises(Exception, match="app name app is already in use"):
        digitalocean.create(APP, {"spec": spec})
    with pytest.raises(Exception, match="already in use by another app"):
        digitalocean.create(APP, {"spec": {**spec, "name": "other"}})
    with pytest.raises(Exception, match="the region of an app can't be changed"):
        digitalocean.update(APP, identifier, outputs, {"spec": {**spec, "region": "ams"}})
