"""The architecture `droplet-pm2` as FamilyFlow's stack file asks for it, declared in process (ALL1–ALL5)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from plan.cost import cost_of
from plan.program import ProgramError, Run
from tests.architectures.declared import Change, after, changed, declared, named, values_of

SECRETS = frozenset({"SUPABASE_DB_URL", "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SENTRY_DSN"})
PROTECTED = {"Vpc", "SpacesBucket", "Domain", "ReservedIp", "RandomPassword"}


def _declared(change: Change = lambda values: None, stack: str = "familyflow") -> Run:
    return declared("familyflow", SECRETS, change, stack)


@pytest.fixture(scope="module")
def whole() -> Run:
    return _declared()


def test_what_holds_data_or_outlives_the_machine_is_protected_and_nothing_else(whole: Run) -> None:
    """ALL4."""
    assert {resource.kind for resource in whole.graph if resource.protect} == PROTECTED


def test_every_resource_is_named_after_product_and_environment() -> None:
    """ALL2."""
    result = _declared(stack="staging")
    assert all(resource.name.startswith("familyflow-staging") for resource in result.graph if resource.custom)
    droplet = named(result, "familyflow-staging-droplet")
    assert droplet.inputs["name"] == "familyflow-staging"
    assert {"product:familyflow", "environment:staging", "familyflow-staging-host"} <= set(droplet.inputs["tags"])


def test_the_stack_named_like_its_product_repeats_no_word(whole: Run) -> None:
    assert named(whole, "familyflow-droplet").inputs["name"] == "familyflow"


def test_the_firewall_is_there_before_the_droplet(whole: Run) -> None:
    droplet, rules = named(whole, "familyflow-droplet"), named(whole, "familyflow-firewall-rules")
    assert after(whole, droplet, rules)


def test_the_host_is_set_up_in_order_and_after_its_name_exists(whole: Run) -> None:
    record = named(whole, "familyflow-names-familyflow.example.com")
    steps = [named(whole, f"familyflow-host-{step}") for step in ("bootstrap", "apply", "firewall-confirm", "release")]
    for step in steps:
        assert after(whole, step, record)
    for earlier, later in itertools.pairwise(steps):
        assert after(whole, later, earlier), f"{later.name} after {earlier.name}"


def test_what_holds_secrets_is_a_secret(whole: Run) -> None:
    """ALL3."""
    for name in ("familyflow-host-apply", "familyflow-host-release"):
        assert named(whole, name).is_secret("stdin"), name
    for step in ("bootstrap", "apply", "firewall-confirm", "release"):
        assert named(whole, f"familyflow-host-{step}").is_secret("connection.privateKey"), step
    assert named(whole, "familyflow-droplet").is_secret("userData")


def test_no_command_line_holds_a_secret(whole: Run) -> None:
    """ALL3: what is secret travels on standard input alone."""
    for resource in whole.graph.of("command:remote:Command"):
        assert "‹" not in str(resource.inputs["create"]), resource.name


def test_every_connection_checks_a_host_key(whole: Run) -> None:
    commands = whole.graph.of("command:remote:Command")
    assert len(commands) == 4
    assert all(command.inputs["connection"]["hostKey"] for command in commands)
    first = named(whole, "familyflow-host-bootstrap").inputs["connection"]["hostKey"]
    later = {command.inputs["connection"]["hostKey"] for command in commands if not command.name.endswith("bootstrap")}
    assert len(later) == 1
    assert first not in later


def test_only_a_new_machine_is_bootstrapped_again(whole: Run) -> None:
    bootstrap = named(whole, "familyflow-host-bootstrap")
    assert set(bootstrap.ignore_changes) == {"connection", "create", "stdin"}
    for command in whole.graph.of("command:remote:Command"):
        assert after(whole, command, named(whole, "familyflow-droplet"))


def test_user_data_holds_no_secret_of_the_product(whole: Run) -> None:
    text = named(whole, "familyflow-droplet").inputs["userData"]
    assert not [name for name in SECRETS if name in text]


def test_the_environment_is_complete_on_the_host(whole: Run) -> None:
    """FF6, FF7."""
    manifest = named(whole, "familyflow-host-apply").manifest
    assert manifest is not None
    (env,) = [file for file in manifest["files"] if file["path"] == "/srv/familyflow/.env"]
    assert (env["mode"], env["owner"]) == ("0600", "familyflow")
    written = {line.partition("=")[0] for line in env["content"].splitlines() if line and not line.startswith("#")}
    assert set(values_of("familyflow")["product"]["environment"]) <= written


def test_a_private_repositorys_token_lands_in_a_file_of_roots_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        values["product"]["source"]["token"] = {"secret": "SENTRY_DSN"}

    manifest = named(_declared(change), "familyflow-host-apply").manifest
    assert manifest is not None
    (token,) = [file for file in manifest["files"] if file["path"] == "/etc/slipway/source-token"]
    assert (token["mode"], token["owner"]) == ("0600", "root")
    assert token["content"] == "‹SENTRY_DSN›\n"


def test_a_public_repository_leaves_no_token_behind(whole: Run) -> None:
    manifest = named(whole, "familyflow-host-apply").manifest
    assert manifest is not None
    assert "/etc/slipway/source-token" in manifest["absent"]


@pytest.mark.parametrize("key", ["url", "health", "address", "login", "known_hosts", "release", "monthly_cost"])
def test_the_outputs_say_where_it_is_and_what_runs(whole: Run, key: str) -> None:
    assert whole.outputs.values[key]


def test_the_cost_that_is_exported_is_the_plans(whole: Run) -> None:
    assert str(whole.outputs.values["monthly_cost"]).startswith(f"{cost_of(whole.graph).monthly:.2f} USD")


def test_the_exported_cost_follows_volume_and_backups() -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"] |= {"volume": 50, "backups": "daily", "size": "s-4vcpu-8gb"}

    result = _declared(change)
    assert str(result.outputs.values["monthly_cost"]).startswith(f"{cost_of(result.graph).monthly:.2f} USD")


def test_a_volume_is_attached_before_the_host_is_set_up() -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["volume"] = 50

    result = _declared(change)
    attachment = named(result, "familyflow-volume-attachment")
    assert after(result, named(result, "familyflow-host-apply"), attachment)


def test_no_output_is_a_secret(whole: Run) -> None:
    assert not whole.outputs.secrets


def test_records_are_printed_where_nobody_keeps_them() -> None:
    def change(values: dict[str, Any]) -> None:
        values["dns"] = {"provider": "print"}

    result = _declared(change)
    assert result.outputs.values["dns_records"] == ["familyflow.example.com. 300 IN A 198.51.100.10"]
    assert not result.graph.of("digitalocean:index/dnsRecord:DnsRecord")


def test_cloudflare_keeps_the_names_where_it_should() -> None:
    def change(values: dict[str, Any]) -> None:
        values["dns"] = {"provider": "cloudflare", "zone": "example.com", "zone_id": "0" * 32}

    result = _declared(change)
    assert [r.inputs["name"] for r in result.graph.of("cloudflare:index/dnsRecord:DnsRecord")] == [
        "familyflow.example.com"
    ]


def test_every_name_of_the_product_gets_a_record() -> None:
    def change(values: dict[str, Any]) -> None:
        values["product"]["aliases"] = ["www.familyflow.example.com"]

    records = _declared(change).graph.of("digitalocean:index/dnsRecord:DnsRecord")
    assert {record.inputs["name"] for record in records} == {"familyflow", "www.familyflow"}


def test_a_new_commit_changes_the_release_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        values["product"]["release"]["commit"] = "0" * 40

    assert changed(_declared(), _declared(change)) == {"familyflow-host-release"}


def test_another_admin_range_changes_the_firewalls_alone() -> None:
    def change(values: dict[str, Any]) -> None:
        values["access"]["admin_cidrs"] = ["198.51.100.0/24"]

    told = changed(_declared(), _declared(change))
    assert told == {"familyflow-firewall-rules", "familyflow-host-apply", "familyflow-host-firewall-confirm"}


def test_another_admin_key_replaces_no_machine() -> None:
    def change(values: dict[str, Any]) -> None:
        values["access"]["ssh_keys"] = [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHx8Yk1eQf0m7rJ9s3cVt2bZ6wLq4uNd5oXaGpR1EyTj new"
        ]

    assert changed(_declared(), _declared(change)) == {"familyflow-host-apply"}


def test_mistakes_are_told_before_anything_is_declared() -> None:
    def change(values: dict[str, Any]) -> None:
        values["architecture"]["size"] = "s-1vcpu-1gb"
        values["product"]["domain"] = "no domain"

    with pytest.raises(ProgramError) as told:
        _declared(change)
    assert "slipway:architecture.size" in str(told.value)
    assert "slipway:product.domain" in str(told.value)
    assert "Traceback" not in str(told.value)
