"""The kind `app-platform`: SignUpFlow's stacks, the platform's sizes, and what has no hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from settings import connections, instances, prices
from settings.kinds import AppPlatform, of_kind, with_hosts
from settings.product import Product
from tests.settings.stack import good
from tests.settings.test_kinds import stack


def test_signupflows_launch_is_what_its_document_asks_for() -> None:
    """SF1, SF3, SF4, SF10: two instances of 1 GB, the smallest databases, a bucket."""
    settings = stack("signupflow")
    architecture, product = of_kind(settings.architecture, AppPlatform), settings.product
    app, database, sessions = product.services["app"], product.backing["database"], product.backing["sessions"]
    size = architecture.size_of("app")
    assert (app.replicas, instances.INSTANCES[size].memory, instances.INSTANCES[size].cpus) == (2, 1024, 1)
    assert (database.engine, database.provider, getattr(database, "version", None)) == ("postgres", "managed", 17)
    assert (sessions.engine, sessions.provider, getattr(sessions, "version", None)) == ("redis", "managed", 8)
    databases = prices.DATABASES["pg"]["db-s-1vcpu-1gb"] + prices.DATABASES["valkey"]["db-s-1vcpu-1gb"]
    of_the_document = app.replicas * prices.APP_INSTANCES[size] + databases + prices.SPACES
    assert int(of_the_document) == 59, "and PostgreSQL costs 0.15 more than the document says"


DIFFERENT = {
    "product.domain",
    "product.aliases",
    "product.services.app.memory",
    "product.services.app.replicas",
    "product.backing.backups.bucket",
    "product.environment.ENVIRONMENT",
    "product.logs.endpoint",
    "architecture.size",
    "architecture.network",
    "dns.zone",
    "budget.monthly",
}


def _paths(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Where two stack files differ, as far down as both are mappings."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {*old, *new}:
            yield from _paths(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path


def test_staging_is_production_but_for_what_an_environment_has_of_its_own() -> None:
    """SF9: one product. A key that is changed in one file and forgotten in the other fails here."""
    assert set(_paths(good("signupflow"), good("signupflow-staging"))) == DIFFERENT


def test_a_step_of_growth_is_a_size_of_the_platforms() -> None:
    assert {step: instances.INSTANCES[size] for step, size in instances.STEPS.items()} == {
        "launch": instances.Instance("shared", 1, 1024),
        "growth": instances.Instance("shared", 2, 4096),
        "scale": instances.Instance("dedicated", 4, 8192),
    }
    assert set(instances.INSTANCES) == set(prices.APP_INSTANCES)


def test_a_size_is_called_as_the_platform_calls_it() -> None:
    """apps-<s or d>-<CPUs>vcpu-<GB>gb, and -fixed where one comes alone; the smallest shared one does, too."""
    for slug, has in instances.INSTANCES.items():
        _, kind, cpus, memory, *fixed = slug.split("-")
        assert (kind == "d") == (has.cls == "dedicated"), slug
        assert (int(cpus.removesuffix("vcpu")), float(memory.removesuffix("gb")) * 1024) == (has.cpus, has.memory), slug
        assert (has.cls == "fixed") == (bool(fixed) or slug == "apps-s-1vcpu-0.5gb"), slug


def test_a_kind_without_hosts_has_no_size_of_hosts_and_nobody_who_logs_in() -> None:
    settings = stack("signupflow")
    with pytest.raises(TypeError, match="AppPlatform has no hosts"):
        with_hosts(settings.architecture)
    assert with_hosts(stack("prod").architecture) is not None
    assert (settings.access.admin_cidrs, settings.access.open_ranges) == ((), ())


def test_services_that_are_scaled_by_load_count_as_often_as_there_may_be_of_them() -> None:
    values = good("signupflow")["product"]
    values["services"]["app"] |= {"autoscale": {"most": 9}, "pool": {"size": 5, "overflow": 5}}
    (problem,) = connections.run(Product.model_validate(values), hosts=1, one_by_one=True)
    assert "(app 2 x (5 + 5) x 9 replicas = 180)" in problem.message
