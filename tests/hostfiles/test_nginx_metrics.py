"""What Prometheus reads of a service, asked for by a visitor: nginx before containers answers 404."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostfiles.nginx_proxy import Front
from settings import stackfile
from settings.stack import Settings
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.container_site import container, serving_containers
from tests.hostfiles.stacks import ROOT

METRICS = (
    "/metrics",
    "/metrics/",
    "/metrics/x",
    "/metrics?a=b",
    "//metrics",
    "/%6detrics",
    "/./metrics",
    "/a/../metrics",
)


def _measured(path: str, routes: list[dict[str, str]] | None = None) -> Settings:
    product = stackfile.read(ROOT / "Pulumi.prod.yaml").values["product"]
    services = {**product["services"], "backend": {**product["services"]["backend"], "metrics": path}}
    return stack("prod", {"services": services, "routes": routes or product["routes"]})


@pytest.mark.parametrize("front", [None, Front("127.0.0.0/24")], ids=["alone", "behind a balancer"])
def test_no_visitor_gets_what_prometheus_reads(front: Front | None, tmp_path: Path) -> None:
    """Under whichever name or spelling leads to the service. It is read on the service's own port."""
    with serving_containers(_measured("/metrics"), tmp_path, front) as site:
        site.serve_from("blue")
        get = site.get if front is None else site.get_plain
        name = {"host": "api.example.com"} if front is not None else {"host": "api.example.com", "sni": site.name}
        with container(site.port("backend", "blue"), "api") as api, container(site.port("frontend", "blue"), "page"):
            assert {path: get(path, **name).status for path in METRICS} == dict.fromkeys(METRICS, 404)
            assert api.asked == []
            assert [get(path, **name).status for path in ("/metricsx", "/x/metrics")] == [200, 200]
            assert json.loads(get("/metrics").body)["container"] == "page", "another service's own page"


def test_another_service_may_have_the_path_that_prometheus_reads_of_one(tmp_path: Path) -> None:
    routes = [{"path": "/", "service": "backend"}, {"path": "/metrics", "service": "frontend"}]
    with serving_containers(_measured("/metrics/", routes), tmp_path) as site:
        site.serve_from("blue")
        with container(site.port("backend", "blue"), "api"), container(site.port("frontend", "blue"), "page"):
            asked = {path: json.loads(site.get(path).body)["container"] for path in ("/metrics", "/metrics/x", "/x")}
    assert asked == {"/metrics": "page", "/metrics/x": "page", "/x": "api"}
