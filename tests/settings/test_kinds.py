"""The shipped stacks of each kind, and what other layers ask of the settings: slots, data hosts, images, names."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from bench.fleet import CHANGES
from settings import connections, managed, prices, stackfile
from settings.backing import MongoDB, Postgres, Redis, engine_image
from settings.droplets import SIZES
from settings.kinds import DropletCompose, DropletPm2, FleetCompose, HAProxyBalancer, ManagedBalancer, of_kind
from settings.parse import parse
from settings.placement import data_hosts, hosted
from settings.product import Product
from settings.slots import BLUE_BASE, GREEN_BASE, slot_ports
from settings.stack import Settings, prefix
from settings.variables import Generated
from tests.settings.stack import ROOT, SECRETS_OF, good, told
from tests.settings.test_products import product as fixture
from tests.settings.test_products import raw

MADE_UP = "0" * 62


def stack(name: str) -> Settings:
    """A shipped stack, as the plan reads it."""
    file = stackfile.read(ROOT / f"Pulumi.{name}.yaml")
    return parse(file.stack, file.values, file.secrets, others=file.others, require_secrets=False)


def changed(**parts: Any) -> Product:
    """Vulcan with other parts."""
    return Product.model_validate({**good("prod")["product"], **parts})


@pytest.mark.parametrize("name", SECRETS_OF)
def test_a_shipped_stack_parses_and_names_its_secrets(name: str) -> None:
    assert {secret for _, secret in stack(name).product.secret_references()} == SECRETS_OF[name]


def test_every_shipped_stack_is_tried() -> None:
    assert {file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml")} == set(SECRETS_OF)


@pytest.mark.parametrize("name", ["devora-vps", "devora-fleet", "prod", "staging", "signupflow", "signupflow-staging"])
def test_a_digest_that_is_made_up_looks_it(name: str) -> None:
    """And the file says so."""
    images = stack(name).product.release.images
    assert all(f"@sha256:{MADE_UP}" in image for image in images.values())
    head = " ".join(line.strip("# ") for line in (ROOT / f"Pulumi.{name}.yaml").read_text().splitlines()[:3])
    assert "digests are made up" in head


def test_devoras_first_phase_is_what_its_document_asks_for() -> None:
    """DV1"""
    settings = stack("devora-vps")
    architecture, product = of_kind(settings.architecture, DropletCompose), settings.product
    size = SIZES[architecture.size]
    assert (size.cpus, size.memory, size.disk >= 50) == (2, 2048, True)
    assert 12 <= size.price + prices.UPTIME_CHECK <= 20
    assert architecture.backups == "off"
    backend, frontend, documents = (
        product.services["backend"],
        product.services["frontend"],
        product.backing["documents"],
    )
    assert (backend.replicas, backend.cpu, backend.memory, frontend.replicas) == (2, 1, 512, 2)
    assert isinstance(documents, MongoDB)
    assert (documents.provider, documents.version, documents.replica_set, documents.members) == ("host", 7, "rs0", 1)


def test_devoras_second_phase_is_what_its_document_asks_for() -> None:
    """DV6"""
    settings = stack("devora-fleet")
    architecture, product = of_kind(settings.architecture, FleetCompose), settings.product
    assert architecture.hosts == 2
    assert isinstance(architecture.balancer, HAProxyBalancer)
    assert product.backing["documents"].provider == "managed"
    assert product.backing["uploads"].engine == "object-storage"
    assert not any(service.volumes for service in product.services.values())
    monthly = (
        architecture.hosts * SIZES[architecture.size].price
        + SIZES[architecture.balancer.size].price
        + prices.DATABASES["mongodb"][product.backing["documents"].size or ""]
        + prices.SPACES
        + prices.UPTIME_CHECK
    )
    assert 100 <= monthly <= 200


def test_devoras_phases_run_the_same_images_and_answer_to_the_same_names() -> None:
    """DV10"""
    first, second = stack("devora-vps").product, stack("devora-fleet").product
    assert first.release == second.release
    assert first.domains == second.domains
    assert first.routes == second.routes


def test_vulcan_is_what_its_document_asks_for() -> None:
    """VU1 VU2"""
    settings = stack("prod")
    architecture, backing = of_kind(settings.architecture, FleetCompose), settings.product.backing
    assert (architecture.hosts, architecture.size) == (2, "s-2vcpu-4gb")
    assert isinstance(architecture.balancer, ManagedBalancer)
    assert [(backing[name].provider, backing[name].size) for name in ("database", "cache")] == [
        ("managed", "db-s-2vcpu-4gb"),
        ("managed", "db-s-1vcpu-1gb"),
    ]


def test_vulcans_staging_has_productions_shape_at_half_its_size() -> None:
    prod, staging = stack("prod"), stack("staging")
    large, small = (of_kind(settings.architecture, FleetCompose) for settings in (prod, staging))
    assert small.model_copy(update={key: getattr(large, key) for key in ("size", "network", "balancer")}) == large
    assert small.balancer == ManagedBalancer(provider="managed", encrypt_to_hosts=True), "HTTPS end to end (VU7)"
    assert [part * 2 for part in SIZES[small.size][:2]] == list(SIZES[large.size][:2])
    assert managed.CONNECTIONS[staging.product.backing["database"].size or ""] < 97
    for name, service in staging.product.services.items():
        assert service.memory is not None
        assert service.memory * 2 == prod.product.services[name].memory
    assert not set(prod.product.domains) & set(staging.product.domains)
    assert staging.product.release == prod.product.release


@pytest.mark.parametrize("name", SECRETS_OF)
def test_two_shipped_stacks_of_a_product_share_no_name(name: str) -> None:
    others = [stack(other).name for other in SECRETS_OF if other != name]
    assert stack(name).name not in others


def test_shipped_stacks_of_one_product_can_be_in_one_account() -> None:
    """DigitalOcean lets no two networks of an account overlap."""
    networks: dict[str, list[IPv4Network]] = {}
    for name in SECRETS_OF:
        settings = stack(name)
        network = IPv4Network(str(settings.architecture.network))
        others = networks.setdefault(settings.product.name, [])
        assert not [other for other in others if network.overlaps(other)], name
        others.append(network)


@pytest.mark.parametrize(
    ("product", "stack_name", "expected"),
    [
        ("familyflow", "familyflow", "familyflow"),
        ("vulcan", "prod", "vulcan-prod"),
        ("devora", "devora-vps", "devora-vps"),
        ("dev", "devora-vps", "dev-devora-vps"),
    ],
)
def test_resources_are_named_by_product_and_stack_without_saying_it_twice(
    product: str, stack_name: str, expected: str
) -> None:
    assert prefix(product, stack_name) == expected


def test_what_one_kind_has_is_not_asked_of_another() -> None:
    with pytest.raises(TypeError, match="FleetCompose is no DropletPm2"):
        of_kind(stack("prod").architecture, DropletPm2)


def test_each_replica_of_a_web_service_has_a_port_in_each_slot() -> None:
    ports = slot_ports(fixture("devora"))
    assert ports == {
        "backend": {"blue": (20050, 20051), "green": (30050, 30051)},
        "frontend": {"blue": (20600, 20601), "green": (30600, 30601)},
    }


def test_no_service_moves_to_other_ports_when_another_comes_or_grows() -> None:
    """nginx knows of a release's ports a moment after it serves: meanwhile none may be another service's."""
    alone = slot_ports(changed(services={"backend": {"role": "web", "image": "app", "replicas": 2}}))
    services = {name: {"role": "web", "image": "app", "replicas": 3} for name in ("admin", "backend", "frontend")}
    together = slot_ports(changed(services=services))
    assert together["backend"]["blue"][0] == alone["backend"]["blue"][0]
    assert together["backend"]["green"][0] == alone["backend"]["green"][0]


def test_no_two_slots_share_a_port_and_none_is_linuxs_own() -> None:
    services = {f"s{index}": {"role": "web", "image": "app", "replicas": 50} for index in range(50)}
    services["queue"] = {"role": "worker", "image": "app", "replicas": 50}
    ports = slot_ports(changed(services=services))
    assert "queue" not in ports
    taken = [port for slots in ports.values() for first, last in slots.values() for port in range(first, last + 1)]
    assert len(taken) == len(set(taken)) == 2 * 50 * 50
    assert min(taken) == BLUE_BASE
    assert max(taken) < 32768, "Linux gives ports from here on to outgoing connections"
    assert GREEN_BASE - BLUE_BASE >= 50 * 50


def test_all_backing_services_of_a_fleet_are_on_one_host_but_for_a_replica_set() -> None:
    postgres, redis = {"engine": "postgres", "provider": "host"}, {"engine": "redis", "provider": "host"}
    mongodb = {"engine": "mongodb", "provider": "host", "members": 3}
    bucket = {"engine": "object-storage", "provider": "managed"}
    assert data_hosts(changed()) == ()
    assert data_hosts(changed(backing={"a": postgres, "b": redis, "c": bucket})) == (("a", "b"),)
    three = changed(backing={"a": postgres, "b": mongodb, "c": bucket})
    assert data_hosts(three) == (("a", "b"), ("b",), ("b",))
    assert list(hosted(three)) == ["a", "b"]


@pytest.mark.parametrize(
    ("backing", "image"),
    [
        (Postgres(engine="postgres", provider="host", version=17), "docker.io/library/postgres:17"),
        (MongoDB(engine="mongodb", provider="host", version=7), "docker.io/library/mongo:7.0"),
        (Redis(engine="redis", provider="host"), "docker.io/valkey/valkey:8"),
        (Redis(engine="redis", provider="host", version=9), "docker.io/valkey/valkey:9"),
        (
            Postgres(engine="postgres", provider="host", image=f"ghcr.io/example/pg@sha256:{MADE_UP}01"),
            f"ghcr.io/example/pg@sha256:{MADE_UP}01",
        ),
    ],
)
def test_an_engine_runs_from_the_given_image_or_the_official_one(backing: Any, image: str) -> None:
    assert engine_image(backing) == image


def test_generated_texts_of_services_are_named_by_their_service() -> None:
    """The product's keep the names that they have in states."""
    services = {
        "api": {"role": "worker", "image": "app", "environment": {"KEY": {"generate": 32}, "DEBUG": "0"}},
        "web": {"role": "worker", "image": "app", "environment": {"KEY": {"generate": 64}}},
    }
    product = changed(services=services, environment={"SECRET_KEY": {"generate": 50}})
    assert list(product.generated_values()) == [
        ("SECRET_KEY", Generated(generate=50)),
        ("api.KEY", Generated(generate=32)),
        ("web.KEY", Generated(generate=64)),
    ]


def test_a_plan_has_25_connections_for_each_gib_less_three() -> None:
    gib = {size: int(size.rpartition("-")[2].removesuffix("gb")) for size in managed.sizes("postgres")}
    assert {size: 25 * memory - 3 for size, memory in gib.items()} == managed.CONNECTIONS


def test_pools_count_for_the_database_that_their_service_is_wired_to() -> None:
    backing = good("prod")["product"]["backing"]
    product = changed(backing={**backing, "other": {**backing["database"], "size": "db-s-1vcpu-1gb"}})
    assert list(connections.run(product, hosts=3)) == []
    assert [problem.path for problem in connections.run(product, hosts=4)] == ["slipway:product.backing.database.size"]


@pytest.mark.parametrize("changes", [{}, {"architecture.hosts": 3}, {"architecture.hosts": 8, **CHANGES}])
def test_both_releases_of_vulcans_hosts_fit_in_its_database(changes: dict[str, Any]) -> None:
    """VU10: a third host comes by one number; a measurement takes eight."""
    assert told(changes, stack="prod") == []


def test_every_engine_has_a_size_and_every_managed_version_is_one_that_the_file_can_say() -> None:
    for engine, versions in managed.VERSIONS.items():
        assert managed.sizes(engine)[0] == "db-s-1vcpu-1gb"
        for version in versions:
            backing = {"engine": engine, "provider": "managed", "version": version}
            assert changed(backing={"new": backing}).backing["new"].engine == engine


def test_a_managed_replica_set_can_be_said() -> None:
    """DV6: three members, of each size that is not one node by itself."""
    sizes = [size for size in managed.sizes("mongodb") if size not in managed.SINGLE_NODE]
    assert sizes
    for size in sizes:
        documents = {"engine": "mongodb", "provider": "managed", "size": size, "version": 7, "members": 3}
        product = changed(backing={"documents": documents})
        assert (managed.more_nodes(product.backing["documents"]), product.backing["documents"].size) == (
            {"members": 3},
            size,
        )


@pytest.mark.parametrize("policy", managed.EVICTIONS)
def test_the_managed_service_evicts_as_the_file_says(policy: str) -> None:
    cache = {"engine": "redis", "provider": "managed", "size": "db-s-1vcpu-1gb", "eviction": policy}
    assert told({"product.backing.cache": cache}, stack="prod") == []


@pytest.mark.parametrize("name", ["vulcan", "devora", "signupflow"])
def test_a_shipped_stack_says_what_its_product_is_known_by(name: str) -> None:
    """The fixtures are the documents' products; a stack leaves out what no kind does yet, and may say more."""
    known = raw(name)
    stacks = {"vulcan": "prod", "devora": "devora-vps", "signupflow": "signupflow"}
    shipped = stack(stacks[name]).product
    assert set(known.get("environment", {})) <= set(shipped.environment)
    assert (shipped.domain, shipped.contact) == (known["domain"], known["contact"])
    assert set(shipped.services) == set(known["services"])
    assert shipped.release.images == known["release"]["images"]
    for service, said in known["services"].items():
        optional = {"MEMORI_DATABASE_URL"}
        assert set(said.get("environment", {})) - optional <= set(shipped.services[service].environment)
