"""haproxy.cfg, read by HAProxy and asked by a visitor: the balancer of a fleet on a host of its own (DV6)."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostfiles import haproxy, nginx, nginx_proxy
from scripts.host import haproxy as on_host
from tests.hostfiles.balancer_site import ADDRESSES, MEMORY, Balancer, balancing, many, serving
from tests.hostfiles.compose_stacks import stack
from tests.hostfiles.conftest import Run
from tests.hostfiles.container_site import container
from tests.hostfiles.site import certificate, moved, running

PRODUCT = stack("devora-fleet").product
ONE, TWO, _ = ADDRESSES


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    """A balancer before two hosts that it takes for good ones for the time being: it asks them every ten seconds."""
    with balancing(PRODUCT) as running:
        yield running


def test_haproxy_takes_the_configuration(run: Run, balancer: Balancer) -> None:
    text = haproxy.config(PRODUCT, ADDRESSES, MEMORY).replace("/etc/slipway", f"{balancer.root}/etc/slipway")
    path = balancer.root / "whole.cfg"
    path.write_text(text)
    assert run("haproxy", "-c", "-f", str(path)).returncode == 0
    path.write_text(text.replace("balance leastconn", "balance leastcon"))
    assert run("haproxy", "-c", "-f", str(path)).returncode == 1


def test_requests_are_shared(balancer: Balancer) -> None:
    with serving(balancer, ONE, TWO):
        assert set(many(balancer)) == {ONE, TWO}


def test_a_host_learns_who_asks_and_not_what_they_say_of_themselves(balancer: Balancer) -> None:
    with serving(balancer, ONE, TWO):
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
    with serving(balancer, ONE, TWO):
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
    with serving(balancer, ONE, TWO), balancer.connect() as connection:
        head = f"GET /live HTTP/1.1\r\nHost: {PRODUCT.domain}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        connection.sendall(f"{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"ping")
        assert connection.recv(1000) == b"gnip"


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


def test_what_went_wrong_is_logged_without_its_query_and_what_went_well_is_not(balancer: Balancer) -> None:
    """ALL3: tokens of e-mailed links are in queries."""
    with serving(balancer, ONE, TWO):
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
