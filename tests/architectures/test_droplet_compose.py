"""The architecture `droplet-compose` as Devora's first stack file asks for it, declared in process (DV1, ALL1-ALL5)."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import ProgramError, Run
from policies.graph import Resource
from policies.rule import Context
from policies.rules import check
from tests.architectures.declared import Change, after, changed, declared, named, values_of

SECRETS = frozenset({"REGISTRY_TOKEN"})
NAME = "devora-vps"
STEPS = [f"{NAME}-host-{step}" for step in ("bootstrap", "apply", "firewall-confirm", "release")]


def _declared(change: Change = lambda values: None, stack: str = NAME) -> Run:
    return declared(NAME, SECRETS, change, stack)


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


def _manifest(result: Run) -> dict[str, Any]:
    manifest = named(result, STEPS[1]).manifest
    assert manifest is not None
    return dict(manifest)


def _files(result: Run) -> dict[str, dict[str, Any]]:
    return {file["path"]: file for file in _manifest(result)["files"]}


def _commands(result: Run) -> list[Resource]:
    return result.graph.of("command:remote:Command")


def test_what_holds_data_or_outlives_the_machine_is_protected_and_nothing_else(whole: Run) -> None:
    """ALL4."""
    assert {resource.kind for resource in whole.graph if resource.protect} == {
        "Vpc",
        "Domain",
        "ReservedIp",
        "RandomPassword",  # of MongoDB, which knows no other
    }


def test_a_database_on_the_droplets_own_disk_is_told_of(whole: Run) -> None:
    """ALL4: the droplet is not protected, so the plan says what goes with it."""
    (finding,) = [found for found in check(Context(whole.graph)) if found.rule == "data-on-disk"]
    assert (finding.subject, finding.severity) == (f"{NAME}-droplet", "warning")
    assert "documents" in finding.what

    def change(values: dict[str, Any]) -> None:
        values["architecture"]["volume"] = 20

    assert not [found for found in check(Context(_declared(change).graph)) if found.rule == "data-on-disk"]


def test_everything_but_what_is_generated_belongs_to_a_component(whole: Run) -> None:
    alone = {resource.name for resource in whole.graph if resource.custom and resource.parent is None}
    assert alone == {"devora-vps-documents-password", "devora-vps-documents-administrator"}


def test_every_resource_is_named_after_product_and_environment() -> None:
    """ALL2."""
    result = _declared(stack="staging")
    assert all(resource.name.startswith("devora-staging") for resource in result.graph if resource.custom)
    tags = set(named(result, "devora-staging-droplet").inputs["tags"])
    assert {"product:devora", "environment:staging", "devora-staging-host"} <= tags


def test_the_firewall_is_there_before_the_droplet_and_the_names_before_the_host(whole: Run) -> None:
    assert after(whole, named(whole, "devora-vps-droplet"), named(whole, "devora-vps-firewall-rules"))
    for step, record in itertools.product(STEPS, ("devora.ai", "www.devora.ai")):
        assert after(whole, named(whole, step), named(whole, f"devora-vps-names-{record}"))


def test_the_host_is_set_up_in_order(whole: Run) -> None:
    for earlier, later in itertools.pairwise(named(whole, step) for step in STEPS):
        assert after(whole, later, earlier), f"{later.name} after {earlier.name}"


def test_what_holds_secrets_is_a_secret_and_no_command_line_holds_one(whole: Run) -> None:
    """ALL3."""
    for command in _commands(whole):
        assert command.is_secret("connection.privateKey"), command.name
        assert "\u2039" not in str(command.inputs["create"]), command.name
    for step in ("apply", "release"):
        assert named(whole, f"devora-vps-host-{step}").is_secret("stdin")
    assert named(whole, "devora-vps-droplet").is_secret("userData")
    assert not whole.outputs.secrets


def test_every_connection_checks_a_host_key(whole: Run) -> None:
    assert len(_commands(whole)) == 4
    assert all(command.inputs["connection"]["hostKey"] for command in _commands(whole))


def test_each_services_variables_are_in_a_file_of_roots_alone(whole: Run) -> None:
    """VU4, DV1."""
    services = values_of(NAME)["product"]["services"]
    for name, service in services.items():
        file = _files(whole)[f"/opt/devora/env/{name}.env"]
        assert (file["mode"], file["owner"]) == ("0600", "root")
        written = {line.partition("=")[0] for line in file["content"].splitlines()}
        assert set(service["environment"]) <= written


def test_the_registrys_token_is_in_a_file_of_roots_alone_and_nowhere_else(whole: Run) -> None:
    """VU3, ALL3."""
    file = _files(whole)["/root/.docker/config.json"]
    assert (file["mode"], file["owner"]) == ("0600", "root")
    (login,) = json.loads(file["content"])["auths"].values()
    assert base64.b64decode(login["auth"]).decode() == "devora-deploy:\u2039REGISTRY_TOKEN\u203a"
    others = [one["content"] for path, one in _files(whole).items() if path != file["path"]]
    assert not [content for content in others if "REGISTRY_TOKEN" in content]
    assert "REGISTRY_TOKEN" not in named(whole, STEPS[3]).inputs["stdin"]


def test_without_a_registry_no_token_stays_behind() -> None:
    def change(values: dict[str, Any]) -> None:
        del values["product"]["registry"]

    result = declared(NAME, frozenset(), change)
    assert "/root/.docker/config.json" in _manifest(result)["absent"]


def test_what_is_released_are_digests_and_no_secret_is_in_what_names_them(whole: Run) -> None:
    """VU3."""
    asked = named(whole, STEPS[3]).standard_input
    images = values_of(NAME)["product"]["release"]["images"]
    assert asked["images"] == images
    assert asked["services"] == {"backend": "backend", "frontend": "frontend"}
    assert set(asked["versions"]) == set(images)


def test_mongodb_is_a_replica_set_beside_the_product_that_publishes_nothing(whole: Run) -> None:
    """DV1."""
    text = _files(whole)["/opt/devora/compose/data.yaml"]["content"]
    assert "rs0" in text
    assert "ports:" not in text
    assert "MONGO_URL='mongodb://devora:" in _files(whole)["/opt/devora/env/backend.env"]["content"]


@pytest.mark.parametrize("key", ["url", "health", "address", "login", "known_hosts", "release", "monthly_cost"])
def test_the_outputs_say_where_it_is_and_what_runs(whole: Run, key: str) -> None:
    assert whole.outputs.values[key]


def test_a_month_costs_what_the_document_says_and_what_is_exported(whole: Run) -> None:
    """DV1: 12 to 20 USD."""
    assert 12 <= cost_of(whole.graph).monthly <= 20
    assert str(whole.outputs.values["monthly_cost"]).startswith(f"{cost_of(whole.graph).monthly:.2f} USD")


def test_a_volume_is_attached_before_the_host_is_set_up_and_holds_the_data() -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["volume"] = 50
        values["budget"] = {"monthly": 100}

    result = _declared(change)
    assert named(result, "devora-vps-volume").protect
    assert after(result, named(result, STEPS[1]), named(result, "devora-vps-volume-attachment"))
    assert "/etc/systemd/system/opt-devora-data.mount" in _files(result)
    unmounting = named(result, "devora-vps-unmounting-order")
    own_address = named(result, "devora-vps-droplet").outputs["ipv4Address"]
    assert unmounting.standard_input["hosts"][0]["address"] == own_address, "the reserved one may have moved on"
    assert str(result.outputs.values["monthly_cost"]).startswith(f"{cost_of(result.graph).monthly:.2f} USD")


def test_a_new_digest_changes_the_release_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        images = values["product"]["release"]["images"]
        images["backend"] = images["backend"][:-1] + "9"

    assert changed(_declared(), _declared(change)) == {STEPS[3]}


def test_a_changed_variable_reaches_the_host_and_is_released() -> None:
    def change(values: dict[str, Any]) -> None:
        values["product"]["services"]["backend"]["environment"]["CORS_ORIGINS"] = "https://devora.ai"

    assert changed(_declared(), _declared(change)) == {STEPS[1], STEPS[3]}


def test_another_admin_range_changes_the_firewalls_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        values["access"]["admin_cidrs"] = ["198.51.100.0/24"]

    assert changed(_declared(), _declared(change)) == {"devora-vps-firewall-rules", STEPS[1], STEPS[2]}


def test_a_stack_without_records_is_made_whole() -> None:
    def change(values: dict[str, Any]) -> None:
        values["dns"]["records"] = False

    before, following = _declared(), _declared(change)
    gone = {one.name for one in before.graph} - {one.name for one in following.graph}
    assert gone == {"devora-vps-names-devora.ai", "devora-vps-names-www.devora.ai"}
    assert named(following, STEPS[3])


def test_mistakes_are_told_before_anything_is_declared() -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["size"] = "s-1vcpu-1gb"
        values["product"]["services"]["backend"]["role"] = "static"

    with pytest.raises(ProgramError) as told:
        _declared(change)
    assert "slipway:architecture.size" in str(told.value)
    assert "slipway:product.services.backend.role" in str(told.value)
    assert "Traceback" not in str(told.value)
