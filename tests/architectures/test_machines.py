"""What is asked from outside of a product on machines: each of its names, by a path that leads to what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from architectures import machines
from plan.secrets import named
from settings import stackfile
from settings.parse import parse
from settings.stack import Settings

ROOT = Path(__file__).parents[2]


def _settings(stack: str, routes: list[dict[str, Any]] | None = None, **services: dict[str, Any]) -> Settings:
    """The settings of a stack file that is shipped, with other routes, and with keys of services over its own."""
    values = dict(stackfile.read(ROOT / f"Pulumi.{stack}.yaml").values)
    product = dict(values["product"])
    product["services"] = {name: {**said, **services.get(name, {})} for name, said in product["services"].items()}
    if routes is not None:
        product["routes"] = routes
    values["product"] = product
    return parse(stack, values, frozenset(named(values)))


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("familyflow", ["https://familyflow.example.com/api/health/"]),
        ("prod", ["https://app.example.com/", "https://api.example.com/api/v1/utils/health-check/"]),
        ("devora-vps", ["https://devora.ai/api/"]),  # the alias www.devora.ai only repeats it
    ],
)
def test_each_name_with_routes_is_asked_for_the_health_of_what_they_lead_to(stack: str, expected: list[str]) -> None:
    assert list(machines.watched(_settings(stack))) == expected


def test_a_health_path_that_leads_to_another_service_is_not_asked_for() -> None:
    routes = [
        {"path": "/api", "service": "backend"},
        {"path": "/api/v1/utils", "service": "frontend"},
        {"path": "/app", "service": "frontend"},
    ]
    assert machines.watched(_settings("prod", routes)) == ("https://app.example.com/api",)


def test_a_path_that_only_starts_like_a_routes_is_another() -> None:
    routes = [{"path": "/", "service": "frontend"}, {"path": "/api", "service": "backend"}]
    found = machines.watched(_settings("prod", routes, backend={"health": "/apis/health"}, frontend={"health": "/"}))
    assert found == ("https://app.example.com/",)


def test_the_health_of_the_product_is_that_of_its_first_web_service() -> None:
    assert machines.health_url(_settings("prod")) == "https://api.example.com/api/v1/utils/health-check/"
    assert machines.health_url(_settings("familyflow")) == "https://familyflow.example.com/api/health/"


def test_where_no_route_leads_to_a_health_path_the_main_name_is_the_products_health() -> None:
    routes = [{"path": "/static", "service": "frontend"}, {"path": "/other", "service": "backend"}]
    assert machines.health_url(_settings("prod", routes)) == "https://app.example.com/"
