"""The architecture `app-platform` as SignUpFlow's stack file asks for it, declared in process (SF1-SF5, SF9, SF10)."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import ProgramError, Run
from policies.graph import Resource
from tests.architectures.declared import Change, after, declared, named, values_of

SECRETS = frozenset({"GHCR_TOKEN", "SENTRY_DSN", "BACKUP_ENCRYPTION_KEY"})
NAME = "signupflow"
FOUNDATION = {"Vpc", "Domain", "DatabaseCluster", "DatabaseDb", "SpacesBucket", "SpacesKey"}
SHARED = {"DatabaseFirewall"}
"""Of the foundation, too, but with others in it who may connect."""


def _declared(change: Change = lambda values: None, stack: str = NAME, file: str = NAME) -> Run:
    return declared(file, SECRETS, change, stack)


def _spec(result: Run, name: str = f"{NAME}-app") -> Any:
    return named(result, name).inputs["spec"]


def _as_fleet(values: dict[str, Any]) -> None:
    """What a person changes: the kind and its keys, and who may log in to the hosts that there are then."""
    values["architecture"] = {"kind": "fleet-compose", "region": "nyc3", "size": "s-2vcpu-4gb", "hosts": 1}
    values["access"] = values_of("prod")["access"]
    del values["product"]["logs"]  # hosts ship none yet


def _cloudflare(values: dict[str, Any]) -> None:
    values["dns"] = {"provider": "cloudflare", "zone": "signupflow.io", "zone_id": "0" * 32}


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


def test_the_app_runs_two_instances_of_one_image_and_migrates_before_each_deployment(whole: Run) -> None:
    """SF1, SF2"""
    spec = _spec(whole)
    (service,), (job,) = spec["services"], spec["jobs"]
    assert (service["name"], service["instanceCount"], service["instanceSizeSlug"]) == ("app", 2, "apps-s-1vcpu-1gb")
    assert (service["httpPort"], service["healthCheck"]["httpPath"]) == (8000, "/health")
    assert service["termination"] == {"gracePeriodSeconds": 30, "drainSeconds": 30}
    assert (job["name"], job["kind"], job["runCommand"]) == ("migrate", "PRE_DEPLOY", "alembic upgrade head")
    assert job["envs"] == service["envs"], "a job has the variables of its service"
    digest = values_of(NAME)["product"]["release"]["images"]["app"].partition("@")[2]
    assert service["image"]["digest"] == job["image"]["digest"] == digest
    assert "workers" not in spec


def test_the_app_is_in_the_stacks_network_in_the_region_of_its_data(whole: Run) -> None:
    app, vpc = named(whole, f"{NAME}-app"), named(whole, f"{NAME}-vpc")
    assert app.inputs["spec"]["region"] == "nyc"
    assert vpc.inputs["region"] == "nyc3"
    assert vpc.urn in app.property_dependencies["spec"]
    assert app.inputs["spec"]["vpcs"]


def test_every_variable_of_the_document_is_there_and_secrets_are_encrypted(whole: Run) -> None:
    """SF5, SF9"""
    kinds = {variable["key"]: variable["type"] for variable in _spec(whole)["services"][0]["envs"]}
    secret = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SENTRY_DSN", "BACKUP_ENCRYPTION_KEY", "SPACES_ACCESS_KEY"}
    assert {key for key, kind in kinds.items() if kind == "SECRET"} >= {*secret, "SPACES_SECRET_KEY", "SPACES_BUCKET"}
    plain = {"DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW", "ENVIRONMENT", "ALLOWED_HOSTS", "DEBUG"}
    assert {key for key, kind in kinds.items() if kind == "GENERAL"} == plain
    assert set(values_of(NAME)["product"]["environment"]) <= set(kinds)


def test_no_secret_is_in_clear_anywhere(whole: Run) -> None:
    """ALL3"""
    app = named(whole, f"{NAME}-app")
    for part, key in itertools.product(("services", "jobs"), ("envs", "image.registryCredentials")):
        assert app.is_secret(f"spec.{part}[0].{key}"), f"{part} {key}"
    for index, variable in enumerate(app.inputs["spec"]["services"][0]["envs"]):
        assert app.is_secret(f"spec.services[0].envs[{index}].value") == (variable["type"] == "SECRET")
    assert whole.outputs.secrets == {"encrypted"}
    assert "\u2039" not in str(whole.outputs.values["revision"])


def test_databases_trust_the_stacks_network_before_the_first_deployment_migrates(whole: Run) -> None:
    """SF3, SF4: no circle, and never a database that everybody may try."""
    app = named(whole, f"{NAME}-app")
    for name, engine in (("database", ("pg", "17")), ("sessions", ("valkey", "8"))):
        cluster = named(whole, f"{NAME}-{name}-cluster")
        assert (cluster.inputs["engine"], cluster.inputs["version"]) == engine
        trusted = named(whole, f"{NAME}-{name}-trusted-sources")
        assert trusted.inputs["rules"] == [{"type": "ip_addr", "value": "10.100.0.0/20"}]
        assert after(whole, app, trusted)
        assert app.urn not in {*trusted.dependencies, *itertools.chain(*trusted.property_dependencies.values())}


def test_nothing_waits_for_itself(whole: Run) -> None:
    needs = {
        resource.urn: {*resource.dependencies, *itertools.chain(*resource.property_dependencies.values())}
        for resource in whole.graph
    }
    assert set(TopologicalSorter(needs).static_order()) >= {resource.urn for resource in whole.graph}


def test_what_holds_data_is_protected_and_nothing_else(whole: Run) -> None:
    """ALL4"""
    protected = {resource.kind for resource in whole.graph if resource.protect}
    assert protected == {*FOUNDATION, *SHARED, "RandomPassword"} - {"SpacesKey"}


def test_every_resource_is_named_after_product_and_environment() -> None:
    """ALL2"""
    result = _declared(stack="signupflow-qa")
    assert all(resource.name.startswith("signupflow-qa") for resource in result.graph if resource.custom)
    assert _spec(result, "signupflow-qa-app")["name"] == "signupflow-qa"


def test_the_app_is_in_the_project_of_its_databases(whole: Run) -> None:
    """ALL2. Apps have no tags."""
    listed = named(whole, f"{NAME}-project-resources").property_dependencies["resources"]
    assert {named(whole, f"{NAME}-{part}").urn for part in ("app", "database-cluster", "backups-bucket")} <= set(listed)
    kinds = {resource.kind for resource in whole.graph if resource.custom}
    assert not kinds & {"Droplet", "Firewall", "LoadBalancer", "Command", "PrivateKey", "SshKey"}, "no host of ours"


def test_staging_says_in_the_cloud_too_what_it_is() -> None:
    result = _declared(stack="signupflow-staging", file="signupflow-staging")
    assert named(result, "signupflow-staging-project").inputs["environment"] == "Staging"
    assert _spec(result, "signupflow-staging-app")["services"][0]["instanceCount"] == 1


def test_the_platform_writes_the_names_where_digitalocean_keeps_them(whole: Run) -> None:
    names = _spec(whole)["domainNames"]
    assert [(name["name"], name["type"], name["zone"]) for name in names] == [
        ("signupflow.io", "PRIMARY", "signupflow.io"),
        ("www.signupflow.io", "ALIAS", "signupflow.io"),
    ]
    assert after(whole, named(whole, f"{NAME}-app"), named(whole, f"{NAME}-zone-domain"))
    assert not [resource for resource in whole.graph if resource.kind == "DnsRecord"]


def test_names_elsewhere_lead_to_the_platform() -> None:
    result = _declared(_cloudflare)
    assert all("zone" not in name for name in _spec(result)["domainNames"])
    records = [resource for resource in result.graph if resource.kind == "DnsRecord"]
    assert {(one.inputs["name"], one.inputs["type"]) for one in records} == {
        ("signupflow.io", "CNAME"),
        ("www.signupflow.io", "CNAME"),
    }
    assert after(result, named(result, f"{NAME}-monitoring-uptime"), records[0])


def test_a_stack_whose_names_are_still_elsewhere_has_its_own_name_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        values["dns"]["records"] = False

    assert "domainNames" not in _spec(_declared(change))


def test_names_with_routes_of_their_own_are_told_apart() -> None:
    def change(values: dict[str, Any]) -> None:
        values["product"]["routes"].append({"host": "api.signupflow.io", "path": "/", "service": "app"})

    rules = _spec(_declared(change))["ingress"]["rules"]
    assert [rule["match"]["authority"]["exact"] for rule in rules] == [
        "signupflow.io",
        "www.signupflow.io",
        "api.signupflow.io",
    ]


def test_a_worker_and_a_job_after_the_deployment_are_parts_of_the_app_too() -> None:
    def change(values: dict[str, Any]) -> None:
        product = values["product"]
        product["services"]["mailer"] = {"role": "worker", "image": "app", "command": "python mailer.py"}
        product["jobs"]["warm"] = {"service": "mailer", "command": "python warm.py", "when": "after-switch"}
        values["architecture"]["sizes"] = {"mailer": "apps-s-1vcpu-0.5gb"}

    spec = _spec(_declared(change))
    (worker,) = spec["workers"]
    assert (worker["name"], worker["instanceSizeSlug"], worker["runCommand"]) == (
        "mailer",
        "apps-s-1vcpu-0.5gb",
        "python mailer.py",
    )
    assert {job["name"]: job["kind"] for job in spec["jobs"]} == {"migrate": "PRE_DEPLOY", "warm": "POST_DEPLOY"}
    assert spec["services"][0]["instanceSizeSlug"] == "apps-s-1vcpu-1gb"


@pytest.mark.parametrize("size", ["launch", "growth", "scale"])
def test_the_exported_cost_is_the_plans(size: str) -> None:
    """SF10"""

    def change(values: dict[str, Any]) -> None:
        values["architecture"]["size"] = size
        del values["budget"]

    result = _declared(change)
    assert str(result.outputs.values["monthly_cost"]).startswith(f"{cost_of(result.graph).monthly:.2f} USD")
    assert cost_of(result.graph).unpriced == ()


@pytest.mark.parametrize("key", ["url", "health", "address", "app", "release", "revision", "monthly_cost"])
def test_the_outputs_say_where_it_is_and_what_runs(whole: Run, key: str) -> None:
    assert whole.outputs.values[key]


def _lasting(result: Run, kinds: set[str]) -> dict[str, Resource]:
    return {resource.urn: resource for resource in result.graph if resource.custom and resource.kind in kinds}


def test_a_changed_kind_keeps_every_database_and_bucket(whole: Run) -> None:
    """To a fleet and back: the same URNs, inputs and protection, so nothing of the foundation is replaced."""
    fleet = _declared(_as_fleet)
    mine, theirs = (_lasting(result, FOUNDATION) for result in (whole, fleet))
    assert set(mine) == set(theirs)
    assert len(mine) == 7
    for urn, resource in mine.items():
        assert (theirs[urn].inputs, theirs[urn].protect) == (resource.inputs, resource.protect), resource.name
    mine, theirs = (_lasting(result, SHARED) for result in (whole, fleet))
    assert set(mine) == set(theirs)
    for urn, resource in mine.items():
        assert resource.protect
        assert theirs[urn].protect
        assert theirs[urn].inputs["rules"] == [{"type": "tag", "value": f"{NAME}-host"}]
        cluster = resource.property_dependencies["clusterId"]
        assert theirs[urn].property_dependencies["clusterId"] == cluster, "changed in place"


def test_a_changed_kind_keeps_what_was_generated(whole: Run) -> None:
    fleet = _declared(_as_fleet)
    assert named(fleet, f"{NAME}-secret-key").urn == named(whole, f"{NAME}-secret-key").urn


def test_a_kind_with_hosts_asks_who_may_log_in() -> None:
    def change(values: dict[str, Any]) -> None:
        _as_fleet(values)
        del values["access"]

    with pytest.raises(ProgramError, match="slipway:access: is missing"):
        _declared(change)


def _everything(values: dict[str, Any]) -> None:
    product = values["product"]
    product["services"]["mailer"] = {"role": "worker", "image": "app", "command": "python mailer.py"}
    product["services"]["app"]["autoscale"] = {"most": 3}
    product["routes"].append({"host": "api.signupflow.io", "path": "/", "service": "app"})
    values["architecture"]["size"] = "scale"
    del product["services"]["app"]["pool"], values["budget"]


_SINGULAR = {"services": "Service", "workers": "Worker", "jobs": "Job", "domainNames": "DomainName", "vpcs": "Vpc",
             "alerts": "Alert", "envs": "Env", "logDestinations": "LogDestination", "rules": "Rule"}  # fmt: skip


def _unknown_to_the_provider(kind: str, given: dict[str, Any]) -> Iterator[str]:
    """Keys that the provider's package has no property for: it would pass them on, and the platform would refuse."""
    import pulumi_digitalocean as digitalocean

    taken = inspect.signature(getattr(digitalocean, f"{kind}Args").__init__).parameters
    names = {re.sub("_([a-z])", lambda found: found[1].upper(), name) for name in taken}
    for key, value in given.items():
        if key not in names:
            yield f"{kind}.{key}"
            continue
        inner = f"{kind}{_SINGULAR.get(key, key[0].upper() + key[1:])}"
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from _unknown_to_the_provider(inner, item)


def test_the_provider_knows_every_key_of_the_specification() -> None:
    assert list(_unknown_to_the_provider("AppSpec", _spec(_declared(_everything)))) == []
    assert list(_unknown_to_the_provider("AppSpec", {"services": [{"healthCheck": {"path": "/"}}]})) == [
        "AppSpecServiceHealthCheck.path"
    ]
