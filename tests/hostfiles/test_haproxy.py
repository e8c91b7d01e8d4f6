"""haproxy.cfg, read by HAProxy and asked by a visitor: the balancer of a fleet on a host of its own (DV6)."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hostfiles import haproxy, nginx, nginx_proxy
from hostfiles.nginx_proxy import Front
from scripts.host import haproxy as on_host
from tests.hostfiles.balancer_site import ADDRESSES, MEMORY, Balancer, balancing
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.conftest import Run
from tests.hostfiles.container_site import ContainerSite, container, serving_containers
from tests.hostfiles.site import certificate, moved, running

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


@contextmanager
def _hosts(balancer: Balancer, *names: str) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(container(balancer.ports[name], name))
        yield


def _who(balancer: Balancer, method: str = "GET") -> str | int:
    try:
        answer = balancer.get("/", method=method)
    except OSError as error:
        return type(error).__name__
    return str(json.loads(answer.body)["container"]) if answer.status == 200 else answer.status


def _many(balancer: Balancer, count: int = 40) -> Counter[str | int]:
    """Who answers many requests at once, every other one a POST."""
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda number: _who(balancer, ("GET", "POST")[number % 2]), range(count)))


def test_haproxy_takes_the_configuration(run: Run, balancer: Balancer) -> None:
    text = haproxy.config(PRODUCT, ADDRESSES, MEMORY).replace("/etc/slipway", f"{balancer.root}/etc/slipway")
    path = balancer.root / "whole.cfg"
    path.write_text(text)
    assert run("haproxy", "-c", "-f", str(path)).returncode == 0
    path.write_text(text.replace("balance leastconn", "balance leastcon"))
    assert run("haproxy", "-c", "-f", str(path)).returncode == 1


def test_requests_are_shared(balancer: Balancer) -> None:
    with _hosts(balancer, ONE, TWO):
        assert set(_many(balancer)) == {ONE, TWO}


def test_a_host_learns_who_asks_and_not_what_they_say_of_themselves(balancer: Balancer) -> None:
    with _hosts(balancer, ONE, TWO):
        said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "http", "forwarded": "for=203.0.113.9"}
        told = json.loads(balancer.get("/x?y=1", **said).body)
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert (told["host"], told["path"]) == (PRODUCT.domain, "/x?y=1")
    assert "forwarded" not in told


def test_http_leads_to_https(balancer: Balancer) -> None:
    for name in PRODUCT.domains:
        answer = balancer.get_plain("/x?y=1", host=f"{name}:80")
        assert (answer.status, answer.headers["location"]) == (301, f"https://{name}/x?y=1")


def test_the_certificates_authority_finds_its_challenge(balancer: Balancer, tmp_path: Path) -> None:
    """FF9: nginx answers it, behind HAProxy, and nothing else."""
    files = tmp_path / "acme" / ".well-known" / "acme-challenge"
    files.mkdir(parents=True)
    (files / "token").write_text("answer")
    listen = f"127.0.0.1:{balancer.challenges}"
    (tmp_path / "nginx.conf").write_text(moved(nginx.challenges(listen), tmp_path, 0, 0))
    with running(tmp_path / "nginx.conf", balancer.challenges):
        assert balancer.get_plain("/.well-known/acme-challenge/token").body == b"answer"
        assert balancer.get_plain("/.well-known/acme-challenge/other").status == 404
        assert balancer.get_plain("/nginx.conf").status == 301


def test_a_name_that_is_not_the_products_learns_nothing(balancer: Balancer) -> None:
    stranger = "stranger.example.net"
    with pytest.raises(OSError):
        balancer.get("/", host=stranger)
    with pytest.raises(http.client.RemoteDisconnected):
        balancer.get_plain("/", host=stranger)
    assert balancer.get("/", host=stranger, sni=PRODUCT.domain).status == 421


def test_how_hosts_are_is_not_told_to_visitors(balancer: Balancer) -> None:
    with _hosts(balancer, ONE, TWO):
        assert balancer.get(nginx_proxy.HEALTH).status == 404


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize(("version", "taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_only_tls_that_is_still_good_is_spoken(balancer: Balancer, version: str, taken: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    raw = socket.create_connection(("127.0.0.1", balancer.tls_port), timeout=10)
    if not taken:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(raw, server_hostname=PRODUCT.domain)
        return
    with context.wrap_socket(raw, server_hostname=PRODUCT.domain) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        cipher = connection.cipher()
        assert cipher is not None
        assert version == "TLSv1_3" or cipher[0] in nginx.CIPHERS.split(":")


def test_a_request_that_a_host_refuses_is_anothers(balancer: Balancer) -> None:
    """DV6: long before the check that finds it out, and whatever the request is."""
    with _hosts(balancer, ONE):
        assert _many(balancer) == Counter({ONE: 40})
        assert balancer.well() == {ONE, TWO}


def test_a_request_that_a_host_has_seen_is_never_sent_again(balancer: Balancer) -> None:
    with container(balancer.ports[ONE], ONE) as one, container(balancer.ports[TWO], TWO) as two:
        assert balancer.get("/cut", method="POST").status == 502
        assert [asked for asked in one.asked + two.asked if asked.endswith("/cut")] == ["POST /cut"]


def test_an_event_arrives_before_the_next_one_is_sent(balancer: Balancer) -> None:
    """DV3."""
    with container(balancer.ports[ONE], ONE) as one, container(balancer.ports[TWO], TWO) as two:
        connection = http.client.HTTPConnection(PRODUCT.domain)
        connection.sock = balancer.connect()
        connection.request("GET", "/api/stream")
        response = connection.getresponse()
        assert response.read(13) == b"data: first\n\n"
        one.more.set()
        two.more.set()
        assert response.read() == b"data: second\n\n"
        connection.close()


def test_a_websocket_gets_through(balancer: Balancer) -> None:
    """DV3."""
    with _hosts(balancer, ONE, TWO), balancer.connect() as connection:
        head = f"GET /live HTTP/1.1\r\nHost: {PRODUCT.domain}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        connection.sendall(f"{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"ping")
        assert connection.recv(1000) == b"gnip"


def test_a_host_that_is_unwell_leaves_and_comes_back(asking: Balancer) -> None:
    """DV6."""
    with container(asking.ports[ONE], ONE):
        with container(asking.ports[TWO], TWO):
            asking.until_well({ONE, TWO})
        asking.until_well({ONE})
        with container(asking.ports[TWO], TWO, status=503) as unwell:
            time.sleep(1)
            assert _many(asking) == Counter({ONE: 40})
            assert set(unwell.asked) == {f"GET {nginx_proxy.HEALTH}"}
        with container(asking.ports[TWO], TWO):
            asking.until_well({ONE, TWO})
            assert set(_many(asking)) == {ONE, TWO}


def test_a_host_that_enters_is_asked_by_nobody_before_it_is_well(asking: Balancer) -> None:
    """VU10."""
    with _hosts(asking, ONE, TWO), container(asking.ports[THREE], THREE, status=503) as new:
        asking.reload([ONE, TWO, THREE])
        for _ in range(5):
            assert set(_many(asking)) == {ONE, TWO}
        assert set(new.asked) == {f"GET {nginx_proxy.HEALTH}"}


def test_a_host_that_is_down_stays_so_over_a_reload(asking: Balancer) -> None:
    with _hosts(asking, ONE), container(asking.ports[TWO], TWO, status=503) as unwell:
        asking.until_well({ONE})
        for names in ([ONE, TWO, THREE], [ONE, TWO]):
            asking.reload(names)
            assert asking.well() == {ONE}
            assert _many(asking) == Counter({ONE: 40})
        assert set(unwell.asked) == {f"GET {nginx_proxy.HEALTH}"}


def test_hosts_that_are_all_new_are_tried_at_once(asking: Balancer) -> None:
    """Nobody else could answer."""
    with _hosts(asking, THREE):
        asking.reload([THREE])
        assert _many(asking) == Counter({THREE: 40})


def test_more_hosts_and_fewer_lose_no_request(asking: Balancer) -> None:
    """VU10: 2 -> 3 -> 2, while many ask."""
    answers: Counter[str | int] = Counter()
    ended = threading.Event()

    def ask(number: int) -> None:
        while not ended.is_set():
            answers[_who(asking, ("GET", "POST")[number % 2])] += 1

    with _hosts(asking, ONE, TWO, THREE), ThreadPoolExecutor(4) as pool:
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
    with _hosts(asking, ONE, TWO):
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


def test_a_new_certificate_is_served_and_no_connection_notices(balancer: Balancer, tmp_path: Path) -> None:
    """FF9, and a stream goes on."""
    place, path = tmp_path / "renewed", f"/etc/slipway/tls/{PRODUCT.domain}/{haproxy.COMBINED}"
    certificate(place, PRODUCT.domain)
    before = balancer.ask("show info").partition("\nPid: ")[2].split()[0]
    with container(balancer.ports[ONE], ONE) as one, container(balancer.ports[TWO], TWO) as two:
        connection = http.client.HTTPConnection(PRODUCT.domain)
        connection.sock = balancer.connect()
        connection.request("GET", "/api/stream")
        response = connection.getresponse()
        assert response.read(13) == b"data: first\n\n"
        both = (place / "fullchain.pem").read_text() + "\n" + (place / "privkey.pem").read_text()
        Path(balancer.host.at(path)).write_text(both)
        for _ in range(2):
            on_host.serve(balancer.host, path)
            assert _served(balancer) == (place / "fullchain.pem").read_text()
        one.more.set()
        two.more.set()
        assert response.read() == b"data: second\n\n"
        connection.close()
    assert balancer.ask("show info").partition("\nPid: ")[2].split()[0] == before


def _served(balancer: Balancer) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", balancer.tls_port), timeout=10)
    with context.wrap_socket(raw, server_hostname=PRODUCT.domain) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


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
        assert time.monotonic() - began < 2 * 0.3 + 1.5, "two checks, and what a busy machine takes"
        assert _many(balancer) == Counter({ONE: 40})
        assert sites[TWO].get_plain("/").status == 200
        drained.unlink()
        balancer.until_well({ONE, TWO})


def test_what_went_wrong_is_logged_without_its_query_and_what_went_well_is_not(balancer: Balancer) -> None:
    """ALL3: tokens of e-mailed links are in queries."""
    with _hosts(balancer, ONE, TWO):
        balancer.get("/fine?token=s3cret-of-a-visitor")
        balancer.get("/cut?token=s3cret-of-a-visitor")
        balancer.get('/"quoted"/cut?token=s3cret-of-a-visitor')
    until = time.monotonic() + 10
    while len(_logged(balancer)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert [entry["path"] for entry in _logged(balancer)] == ["/cut", '/"quoted"/cut']
    assert {(entry["client"], entry["status"]) for entry in _logged(balancer)} == {("127.0.0.1", 502)}
    assert "s3cret" not in balancer.log_text


def _logged(balancer: Balancer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in re.findall(r"^<\d>(\{.*\})$", balancer.log_text, re.MULTILINE)]
