"""The program in process: what the monitor writes down, what it answers, and what becomes of mistakes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_command as command
import pulumi_digitalocean as digitalocean
import pulumi_random as random
import pulumi_tls as tls
import pytest

from plan.program import ProgramError, Run, run
from policies.graph import UNKNOWN, Resource


def plan_of(program: Callable[[], None], **blocks: Any) -> Run:
    return run(program, "toy", blocks, frozenset({"TOKEN"}))


def one(ran: Run, name: str) -> Resource:
    found = [resource for resource in ran.graph if resource.name == name]
    assert len(found) == 1
    return found[0]


def test_a_urn_names_the_types_of_all_ancestors_but_not_the_stacks() -> None:
    def program() -> None:
        outer = pulumi.ComponentResource("slipway:a:Outer", "outer")
        inner = pulumi.ComponentResource("slipway:b:Inner", "inner", opts=pulumi.ResourceOptions(parent=outer))
        digitalocean.Tag("deep", name="deep", opts=pulumi.ResourceOptions(parent=inner))
        digitalocean.Tag("top", name="top")

    ran = plan_of(program)
    deep = "slipway:a:Outer$slipway:b:Inner$digitalocean:index/tag:Tag::deep"
    assert one(ran, "deep").urn == f"urn:pulumi:toy::slipway::{deep}"
    assert one(ran, "top").urn == "urn:pulumi:toy::slipway::digitalocean:index/tag:Tag::top"
    assert one(ran, "top").parent is None
    assert one(ran, "deep").parent == one(ran, "inner").urn


def test_a_resource_is_written_down_with_all_its_options() -> None:
    def program() -> None:
        vpc = digitalocean.Vpc("net", region="nyc3", opts=pulumi.ResourceOptions(protect=True))
        tag = digitalocean.Tag("tag", name="t")
        digitalocean.Droplet(
            "machine",
            region="nyc3",
            size="s-1vcpu-1gb",
            image="debian-13-x64",
            vpc_uuid=vpc.id,
            opts=pulumi.ResourceOptions(
                depends_on=[tag],
                ignore_changes=["userData"],
                replace_on_changes=["region"],
                aliases=[pulumi.Alias(name="old")],
                delete_before_replace=True,
            ),
        )

    ran = plan_of(program)
    net, tag, machine = (one(ran, name) for name in ("net", "tag", "machine"))
    assert net.protect
    assert not machine.protect
    assert set(machine.dependencies) == {net.urn, tag.urn}
    assert machine.property_dependencies == {"vpcUuid": (net.urn,)}
    assert machine.ignore_changes == ("userData",)
    assert machine.replace_on_changes == ("region",)
    assert machine.aliases == ("old",)
    assert machine.delete_before_replace
    assert (machine.package, machine.kind, machine.custom) == ("digitalocean", "Droplet", True)


def test_an_explicit_provider_is_written_down() -> None:
    def program() -> None:
        provider = digitalocean.Provider("elsewhere", api_endpoint="http://127.0.0.1:1")
        digitalocean.Tag("tag", name="t", opts=pulumi.ResourceOptions(provider=provider))

    ran = plan_of(program)
    provider = one(ran, "tag").provider
    assert provider is not None
    assert provider.startswith(one(ran, "elsewhere").urn)


def test_secrets_are_marked_where_they_are_and_stay_secret_in_what_follows_from_them() -> None:
    """ALL3"""

    def program() -> None:
        token = pulumi.Config("slipway").require_secret("TOKEN")
        password = random.RandomPassword("password", length=20)
        digitalocean.Droplet(
            "machine",
            region="nyc3",
            size="s-1vcpu-1gb",
            image="debian-13-x64",
            user_data=password.result.apply(lambda made: f"password={made}"),
        )
        pulumi.export("token", token.apply(lambda given: f"token={given}"))
        pulumi.export("open", "text")

    ran = plan_of(program)
    machine = one(ran, "machine")
    assert machine.secret_paths == frozenset({"userData"})
    assert machine.inputs["userData"] == "password=\u2039generated password\u203a"
    assert ran.outputs.values == {"token": "token=\u2039TOKEN\u203a", "open": "text"}
    assert ran.outputs.secrets == {"token"}


def test_what_only_the_cloud_knows_is_unknown_and_so_is_what_follows_from_it() -> None:
    def program() -> None:
        machine = digitalocean.Droplet("machine", region="nyc3", size="s-1vcpu-1gb", image="debian-13-x64")
        digitalocean.Tag("tag", name=machine.created_at.apply(lambda at: f"since-{at}"))

    tag = one(plan_of(program), "tag")
    assert tag.inputs["name"] == UNKNOWN
    assert tag.unknown_paths == frozenset({"name"})


def test_computed_outputs_have_readable_placeholders() -> None:
    def program() -> None:
        machine = digitalocean.Droplet("machine", region="nyc3", size="s-1vcpu-1gb", image="debian-13-x64")
        other = digitalocean.Droplet("other", region="nyc3", size="s-1vcpu-1gb", image="debian-13-x64")
        key = tls.PrivateKey("key", algorithm="ED25519")
        said = command.remote.Command("ask", connection={"host": machine.ipv4_address}, create="uptime")
        pulumi.export("addresses", [machine.ipv4_address, other.ipv4_address])
        pulumi.export("number", machine.id.apply(int))
        pulumi.export("key", key.public_key_openssh)
        pulumi.export("said", said.stdout)

    outputs = plan_of(program).outputs.values
    assert outputs["addresses"] == ["192.0.2.10", "192.0.2.11"]
    assert isinstance(outputs["number"], int)
    assert outputs["key"] == "ssh-ed25519 \u2039public key of key\u203a"
    assert outputs["said"] == "\u2039output of ask\u203a"


@pytest.mark.parametrize(
    ("network", "address"), [("10.20.0.0/20", "10.20.0.10"), ("192.168.7.16/28", "192.168.7.26"), (None, "10.100.0.10")]
)
def test_a_machine_has_a_private_address_of_its_own_network(network: str | None, address: str) -> None:
    def program() -> None:
        vpc = digitalocean.Vpc("net", region="nyc3", ip_range=network)
        size, image = "s-1vcpu-1gb", "debian-13-x64"
        machine = digitalocean.Droplet("machine", region="nyc3", size=size, image=image, vpc_uuid=vpc.id)
        pulumi.export("address", machine.ipv4_address_private)

    assert plan_of(program).outputs.values["address"] == address


def test_two_resources_of_one_type_and_name_are_refused_as_the_engine_does() -> None:
    def program() -> None:
        for name in ("one", "two"):
            digitalocean.Tag(name, name="a")
            digitalocean.Tag(name, name="b")

    with pytest.raises(ProgramError) as error:
        plan_of(program)
    kind = "digitalocean:index/tag:Tag"
    assert str(error.value).splitlines() == [
        f"one: there are two resources of type {kind} with this name",
        f"two: there are two resources of type {kind} with this name",
    ]


def test_the_same_name_under_another_parent_is_another_resource() -> None:
    def program() -> None:
        parent = pulumi.ComponentResource("slipway:a:Parent", "parent")
        digitalocean.Tag("tag", name="a")
        digitalocean.Tag("tag", name="b", opts=pulumi.ResourceOptions(parent=parent))

    assert len(plan_of(program).graph) == 3


def test_a_mistake_that_the_program_tells_in_its_own_words_is_told_line_by_line() -> None:
    def program() -> None:
        raise pulumi.RunError("slipway:product.domain: is missing\nslipway:access: is missing")

    with pytest.raises(ProgramError, match=r"^slipway:product\.domain: is missing\nslipway:access: is missing$"):
        plan_of(program)


def test_an_unforeseen_failure_is_one_line_with_its_place() -> None:
    def program() -> None:
        raise ValueError("no\nsuch thing")

    with pytest.raises(ProgramError) as error:
        plan_of(program)
    assert str(error.value).startswith("tests/plan/test_program.py:")
    assert str(error.value).endswith("ValueError: no such thing")
    assert "\n" not in str(error.value)


def test_a_failure_inside_an_apply_is_told_too() -> None:
    def program() -> None:
        tag = digitalocean.Tag("tag", name="a")
        digitalocean.Tag("other", name=tag.name.apply(lambda name: str({}[name])))

    with pytest.raises(ProgramError, match="KeyError: 'a'"):
        plan_of(program)


def test_a_lookup_that_nobody_answers_is_told_and_not_invented() -> None:
    def program() -> None:
        pulumi.export("account", digitalocean.get_account_output().email)

    assert plan_of(program).lookups == ("digitalocean:index/getAccount:getAccount",)


def test_a_warning_of_the_program_is_kept() -> None:
    ran = plan_of(lambda: pulumi.warn("the zone is small"))
    assert ran.messages == ("the zone is small",)


def test_configuration_reaches_the_program_as_the_engine_hands_it_over() -> None:
    def program() -> None:
        pulumi.export("size", pulumi.Config("slipway").require_object("architecture")["size"])

    assert plan_of(program, architecture={"size": "large"}).outputs.values == {"size": "large"}


def test_two_runs_do_not_see_each_other() -> None:
    def program() -> None:
        digitalocean.Tag("tag", name="a")
        pulumi.export("it", "is")

    first = plan_of(program, one={"key": 1})
    second = plan_of(lambda: None)
    assert len(first.graph) == 1
    assert len(second.graph) == 0
    assert second.outputs.values == {}
    with pytest.raises(ProgramError, match="Missing required configuration"):
        plan_of(lambda: pulumi.export("key", pulumi.Config("slipway").require("one")))


def test_a_plan_is_the_same_each_time() -> None:
    def program() -> None:
        tags = [digitalocean.Tag(f"tag-{index}", name=str(index)) for index in range(20)]
        for index in range(20):
            opts = pulumi.ResourceOptions(depends_on=[tags[-index - 1]])
            digitalocean.Vpc(f"net-{index}", region="nyc3", name=tags[index].name, opts=opts)

    assert plan_of(program).graph.resources == plan_of(program).graph.resources


def test_garbage_collection_is_as_it_was_afterwards() -> None:
    gc.enable()
    plan_of(lambda: None)
    assert gc.isenabled()
