"""What visitors find while a host is read-only (DV10)."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostfiles import nginx_proxy
from hostfiles.nginx_proxy import Front
from tests.hostfiles.compose_stacks import everything, stack
from tests.hostfiles.container_site import ContainerSite, container, serving_containers

READING, WRITING = ("GET", "HEAD", "OPTIONS"), ("POST", "PUT", "PATCH", "DELETE", "PROPFIND", "CONNECTED")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ContainerSite]:
    """Devora, with a release in the blue slot."""
    with serving_containers(everything(), tmp_path) as running:
        running.serve_from("blue")
        yield running


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[ContainerSite]:
    """Vulcan behind a balancer that ends TLS, which the tests stand in for."""
    with serving_containers(stack("prod"), tmp_path, Front("127.0.0.0/24")) as running:
        running.serve_from("green")
        yield running


def _statuses(site: ContainerSite, *methods: str) -> dict[str, int]:
    return {method: site.get("/api/x", method=method).status for method in methods}


def test_while_it_is_read_only_it_serves_who_reads_and_refuses_who_writes(site: ContainerSite) -> None:
    """DV10: one file, no reload, on the connections that are open too."""
    with container(site.port("backend", "blue"), "api") as api:
        assert set(_statuses(site, *READING, *WRITING).values()) == {200}
        api.asked.clear()
        site.shut()
        assert _statuses(site, *READING, *WRITING) == {**dict.fromkeys(READING, 200), **dict.fromkeys(WRITING, 503)}
        assert [line.split()[0] for line in api.asked] == [*READING], "a write reached the service"
        site.reopen()
        assert set(_statuses(site, *READING, *WRITING).values()) == {200}


def test_who_is_refused_learns_when_to_come_back_and_keeps_the_connection(site: ContainerSite) -> None:
    with container(site.port("backend", "blue"), "api"), container(site.port("frontend", "blue"), "page"):
        site.shut()
        connection = http.client.HTTPConnection(site.name)
        connection.sock = site.connect()
        for path in ("/api/x?y=1", "/", "/page.html"):
            connection.request("POST", path, body=b"x" * 300_000)
            refused = connection.getresponse()
            text = refused.read().decode()
            assert (refused.status, refused.headers["retry-after"]) == (503, str(nginx_proxy.RETRY_AFTER))
            assert refused.headers["content-type"] == "text/plain"
            assert text.startswith("This site is read-only for a moment")
            assert refused.headers["strict-transport-security"] == "max-age=63072000"
            assert "cache-control" not in refused.headers
        connection.request("GET", "/api/x")
        answered = connection.getresponse()
        assert (answered.status, answered.headers["retry-after"]) == (200, None)
        connection.close()
    assert [(entry["path"], entry["status"]) for entry in site.log()][:2] == [("/api/x", "503"), ("/", "503")]


def test_nobody_can_ask_for_the_refusal_itself(site: ContainerSite) -> None:
    assert site.get(nginx_proxy.REFUSAL).status == 404


def test_a_websocket_opens_while_it_is_read_only(site: ContainerSite) -> None:
    """It begins with a GET: what is written over it, the product itself has to refuse (docs/moving.md)."""
    with container(site.port("backend", "blue"), "api"):
        site.shut()
        with site.connect() as connection:
            head = f"GET /api/live HTTP/1.1\r\nHost: {site.name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            connection.sendall(head.encode() + b"ping")
            assert connection.recv(1000).startswith(b"HTTP/1.1 101 ")


def test_a_read_only_host_is_well_to_the_balancer(behind: ContainerSite) -> None:
    """DV6: it goes on serving those who read."""
    with container(behind.port("backend", "green"), "api"):
        behind.shut()
        assert behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 200
