"""Which host gets a request: those that are well, those that enter and leave, and none that is not (DV6, VU10)."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hostfiles import nginx_proxy
from hostfiles.nginx_proxy import Front
from tests.hostfiles.balancer_site import ADDRESSES, Balancer, balancing, many, serving, who
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.container_site import ContainerSite, container, serving_containers

SETTINGS = stack("devora-fleet")
PRODUCT = SETTINGS.product
ONE, TWO, THREE = ADDRESSES
OFTEN = "300ms"


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    """A balancer before two hosts that it takes for good ones for the time being: it asks them every ten seconds."""
    with balancing(PRODUCT) as running:
        yield running


@pytest.fixture
def asking() -> Iterator[Balancer]:
    """One that asks them several times a second."""
    with balancing(PRODUCT, interval=OFTEN) as running:
        yield running


def test_a_request_that_a_host_refuses_is_anothers(balancer: Balancer) -> None:
    """DV6: long before the check that finds it out, and whatever the request is."""
    with serving(balancer, ONE):
        assert many(balancer) == Counter({ONE: 40})
        assert balancer.well() == {ONE, TWO}


def test_a_request_that_a_host_has_seen_is_never_sent_again(balancer: Balancer) -> None:
    with container(balancer.ports[ONE], ONE) as one, container(balancer.ports[TWO], TWO) as two:
        assert balancer.get("/cut", method="POST").status == 502
        assert [asked for asked in one.asked + two.asked if asked.endswith("/cut")] == ["POST /cut"]


def test_a_host_that_is_unwell_leaves_and_comes_back(asking: Balancer) -> None:
    """DV6."""
    with container(asking.ports[ONE], ONE):
        with container(asking.ports[TWO], TWO):
            asking.until_well({ONE, TWO})
        asking.until_well({ONE})
        with container(asking.ports[TWO], TWO, status=503) as unwell:
            time.sleep(1)
            assert many(asking) == Counter({ONE: 40})
            assert set(unwell.asked) == {f"GET {nginx_proxy.HEALTH}"}
        with container(asking.ports[TWO], TWO):
            asking.until_well({ONE, TWO})
            assert set(many(asking)) == {ONE, TWO}


def test_a_host_that_enters_is_asked_by_nobody_before_it_is_well(asking: Balancer) -> None:
    """VU10."""
    with serving(asking, ONE, TWO), container(asking.ports[THREE], THREE, status=503) as new:
        asking.reload([ONE, TWO, THREE])
        for _ in range(5):
            assert set(many(asking)) == {ONE, TWO}
        assert set(new.asked) == {f"GET {nginx_proxy.HEALTH}"}


def test_a_host_that_is_down_stays_so_over_a_reload(asking: Balancer) -> None:
    with serving(asking, ONE), container(asking.ports[TWO], TWO, status=503) as unwell:
        asking.until_well({ONE})
        for names in ([ONE, TWO, THREE], [ONE, TWO]):
            asking.reload(names)
            assert asking.well() == {ONE}
            assert many(asking) == Counter({ONE: 40})
        assert set(unwell.asked) == {f"GET {nginx_proxy.HEALTH}"}


def test_hosts_that_are_all_new_are_tried_at_once(asking: Balancer) -> None:
    """Nobody else could answer."""
    with serving(asking, THREE):
        asking.reload([THREE])
        assert many(asking) == Counter({THREE: 40})


def test_more_hosts_and_fewer_lose_no_request(asking: Balancer) -> None:
    """VU10: 2 -> 3 -> 2, while many ask."""
    answers: Counter[str | int] = Counter()
    ended = threading.Event()

    def ask(number: int) -> None:
        while not ended.is_set():
            answers[who(asking, ("GET", "POST")[number % 2])] += 1

    with serving(asking, ONE, TWO, THREE), ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(4)]
        try:
            asking.reload([ONE, TWO, THREE])
            asking.until_well({ONE, TWO, THREE})
            time.sleep(0.5)
            asking.reload([ONE, TWO])
            at_removal = answers[THREE]
            time.sleep(0.5)
        finally:
            ended.set()
        for each in asked:
            each.result()
    assert set(answers) == {ONE, TWO, THREE}
    assert answers[THREE] - at_removal <= 4, "those that were on their way"


def test_a_connection_that_waits_may_ask_once_more_after_a_reload(asking: Balancer) -> None:
    with serving(asking, ONE, TWO):
        connection = http.client.HTTPConnection(PRODUCT.domain)
        connection.sock = asking.connect()
        connection.request("GET", "/")
        connection.getresponse().read()
        asking.reload([ONE])
        time.sleep(0.2)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.status, response.getheader("Connection")) == (200, "close")
        response.read()


@contextmanager
def _fleet(root: Path) -> Iterator[tuple[Balancer, dict[str, ContainerSite]]]:
    """A balancer before two hosts of the product: each with its own nginx, and containers in the blue slot."""
    with ExitStack() as open_until_the_end:
        sites: dict[str, ContainerSite] = {}
        for name in (ONE, TWO):
            (root / name).mkdir()
            site = open_until_the_end.enter_context(serving_containers(SETTINGS, root / name, Front("127.0.0.0/24")))
            site.serve_from("blue")
            for service in ("backend", "frontend"):
                open_until_the_end.enter_context(container(site.port(service, "blue"), name))
            sites[name] = site
        ports = {name: site.plain_port for name, site in sites.items()}
        made = balancing(PRODUCT, ports, interval=OFTEN)
        yield open_until_the_end.enter_context(made), sites


def test_a_service_learns_the_visitors_address_and_no_other(tmp_path: Path) -> None:
    """DV6: what the balancer says, its hosts believe."""
    with _fleet(tmp_path) as (balancer, _):
        context = ssl.create_default_context(cafile=str(balancer.root / "tls" / balancer.name / "fullchain.pem"))
        there = ("127.0.0.1", balancer.tls_port)
        raw = socket.create_connection(there, timeout=10, source_address=("127.0.0.9", 0))
        connection = http.client.HTTPConnection(PRODUCT.domain)
        connection.sock = context.wrap_socket(raw, server_hostname=PRODUCT.domain)
        connection.request("GET", "/", headers={"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"})
        told = json.loads(connection.getresponse().read())
        connection.close()
    assert (told["x-forwarded-for"], told["x-real-ip"]) == ("127.0.0.9", "127.0.0.9")
    assert (told["x-forwarded-proto"], told["host"]) == ("https", PRODUCT.domain)


def test_a_host_that_stands_aside_leaves_after_two_checks_and_serves_who_is_there(tmp_path: Path) -> None:
    """DV4, DV6."""
    with _fleet(tmp_path) as (balancer, sites):
        balancer.until_well({ONE, TWO})
        drained = sites[TWO].home / nginx_proxy.DRAINED
        drained.touch()
        began = time.monotonic()
        balancer.until_well({ONE})
        assert time.monotonic() - began < 4, "two checks, and what a busy machine takes"
        assert many(balancer) == Counter({ONE: 40})
        assert sites[TWO].get_plain("/").status == 200
        drained.unlink()
        balancer.until_well({ONE, TWO})
