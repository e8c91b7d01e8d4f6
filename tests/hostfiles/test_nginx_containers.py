"""nginx before containers in two slots, alone and behind a balancer, asked by a visitor (DV3, DV6, VU6)."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostfiles import nginx, nginx_proxy
from hostfiles.nginx_proxy import Front
from settings.droplets import COMPOSE_IMAGES
from settings.kinds import with_hosts
from settings.stack import Settings
from tests.hostfiles.compose_stacks import everything, fleet, stack
from tests.hostfiles.conftest import Run
from tests.hostfiles.container_site import ContainerSite, container, serving_containers

BALANCER = Front("127.0.0.0/24")
"""Where the tests' own requests come from."""
ELSEWHERE = Front("10.100.0.0/20")


@pytest.mark.parametrize("image", COMPOSE_IMAGES)
@pytest.mark.parametrize(
    "front", [None, ELSEWHERE, Front("10.100.0.0/20", may_encrypt=True)], ids=["alone", "http", "tls"]
)
@pytest.mark.parametrize("settings", [everything(), fleet()], ids=["devora", "vulcan"])
def test_nginx_takes_the_configuration_of_every_image(
    settings: Settings, front: Front | None, image: str, run: Run, tmp_path: Path
) -> None:
    """An older nginx than the image's can't know `http2 on`: then that, and nothing else, is what it says."""
    version = tuple(int(part) for part in re.findall(r"\d+", run("nginx", "-v").stderr.partition("/")[2])[:3])
    architecture = with_hosts(settings.architecture).model_copy(update={"image": image})
    text = nginx.config(settings, architecture, front)
    (tmp_path / "site.conf").write_text(nginx.site(settings, architecture, front))
    text = re.sub(r"include \S+/site\[\.\]conf;", f"include {tmp_path}/site.conf;", text)
    (tmp_path / "nginx.conf").write_text(text.replace("/run/nginx.pid", f"{tmp_path}/pid"))
    checked = run("nginx", "-t", "-c", str(tmp_path / "nginx.conf"))
    if "http2 on;" in text and version < (1, 25, 1):
        assert 'unknown directive "http2"' in checked.stderr
    else:
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("name", "seconds"), [("devora-vps", 300), ("prod", 60)])
def test_a_reload_cuts_no_stream_before_its_service_would(name: str, seconds: int) -> None:
    """DV3."""
    settings = stack(name)
    text = nginx.config(settings, with_hosts(settings.architecture))
    assert f"worker_shutdown_timeout {seconds}s;" in text


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ContainerSite]:
    """Devora, with a release in the blue slot."""
    with serving_containers(everything(), tmp_path) as running:
        running.serve_from("blue")
        yield running


def _told(site: ContainerSite, path: str, **headers: str) -> dict[str, str]:
    answer = site.get(path, **headers)
    assert answer.status == 200
    found: dict[str, str] = json.loads(answer.body)
    return found


def test_one_rename_leads_to_the_other_slot(site: ContainerSite) -> None:
    """VU6: without a reload."""
    with container(site.port("frontend", "blue"), "old"), container(site.port("frontend", "green"), "new"):
        assert _told(site, "/")["container"] == "old"
        site.serve_from("green")
        assert _told(site, "/x?y=1")["container"] == "new"
        assert _told(site, "/x?y=1")["path"] == "/x?y=1"
        site.serve_from("blue")
        assert _told(site, "/")["container"] == "old"


def test_requests_are_shared_among_replicas(site: ContainerSite) -> None:
    """DV3: least_conn."""
    with container(site.port("frontend", "blue"), "one"), container(site.port("frontend", "blue", 1), "two"):
        assert {_told(site, "/")["container"] for _ in range(8)} == {"one", "two"}


def test_a_replica_that_is_gone_is_not_noticed(site: ContainerSite) -> None:
    """DV3: max_fails."""
    with container(site.port("frontend", "blue"), "one"):
        assert {_told(site, "/")["container"] for _ in range(12)} == {"one"}


def test_a_replica_that_breaks_off_is_asked_once_and_another_answers(site: ContainerSite) -> None:
    with (
        container(site.port("frontend", "blue"), "one") as one,
        container(site.port("frontend", "blue", 1), "two") as two,
    ):
        assert site.get("/cut").status == 502
        assert sorted(one.asked + two.asked) == ["GET /cut", "GET /cut"]


def test_what_may_change_something_is_never_sent_twice(site: ContainerSite) -> None:
    with (
        container(site.port("frontend", "blue"), "one") as one,
        container(site.port("frontend", "blue", 1), "two") as two,
    ):
        assert site.get("/cut", method="POST").status == 502
        assert one.asked + two.asked == ["POST /cut"]


def test_an_event_arrives_before_the_next_one_is_sent(site: ContainerSite) -> None:
    """DV3: no buffering."""
    with container(site.port("backend", "blue"), "api") as api:
        connection = http.client.HTTPConnection(site.name)
        connection.sock = site.connect()
        connection.request("GET", "/api/stream", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        assert response.read(13) == b"data: first\n\n"
        api.more.set()
        assert response.read() == b"data: second\n\n"
        connection.close()


def test_a_websocket_gets_through_and_no_other_protocol_does(site: ContainerSite) -> None:
    """DV3."""
    with container(site.port("backend", "blue"), "api"), container(site.port("backend", "blue", 1), "api"):
        with site.connect() as connection:
            head = f"GET /api/live HTTP/1.1\r\nHost: {site.name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            connection.sendall(head.encode() + b"ping")
            received = b""
            while not received.endswith(b"gnip"):
                part = connection.recv(1000)
                assert part, received
                received += part
        assert received.startswith(b"HTTP/1.1 101 ")
        assert "upgrade" not in _told(site, "/api/x", connection="Upgrade", upgrade="h2c")


@pytest.mark.parametrize(("service", "path"), [("frontend", "/"), ("backend", "/api/x")], ids=["page", "streaming"])
def test_only_what_nobody_is_logged_in_for_is_compressed(site: ContainerSite, service: str, path: str) -> None:
    """DV3: JSON too, also where events are streamed. A compressed answer to somebody could give that one's secrets
    away (BREACH)."""
    with container(site.port(service, "blue"), "one"):
        anonymous = site.get(path, accept_encoding="gzip")
        assert (anonymous.headers["content-encoding"], anonymous.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert json.loads(gzip.decompress(anonymous.body))["path"] == path
        assert anonymous.headers["x-content-type-options"] == "nosniff"
        for known in ({"cookie": "session=1"}, {"authorization": "Bearer x"}):
            assert "content-encoding" not in site.get(path, accept_encoding="gzip", **known).headers


def test_an_event_stream_is_not_compressed(site: ContainerSite) -> None:
    with container(site.port("backend", "blue"), "api") as api:
        api.more.set()
        assert "content-encoding" not in site.get("/api/stream", accept_encoding="gzip").headers


def test_every_answer_has_the_security_headers(site: ContainerSite) -> None:
    """DV3: those of errors too."""
    with container(site.port("frontend", "blue"), "one", status=500):
        for path in ("/", "/api/x", "/cut"):
            headers = site.get(path).headers
            assert headers["strict-transport-security"] == "max-age=63072000"
            assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("SAMEORIGIN", "nosniff")


def test_http_leads_to_https_and_another_name_nowhere(site: ContainerSite) -> None:
    """DV3."""
    assert site.get_plain("/x").headers["location"] == f"https://{site.name}/x"
    with pytest.raises(OSError):
        site.get("/", host="stranger.example.net")


def test_no_release_is_told_to_come_back(tmp_path: Path) -> None:
    with serving_containers(everything(), tmp_path, released=False) as site:
        assert site.get("/").status == 503


def test_a_probe_is_not_logged_and_a_visit_of_the_page_is(site: ContainerSite) -> None:
    with container(site.port("frontend", "blue"), "one"), container(site.port("backend", "blue"), "api"):
        for path in ("/api/", "/", "/api/x"):
            site.get(path)
    assert [entry["path"] for entry in site.log()] == ["/", "/api/x"]


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[ContainerSite]:
    """Vulcan behind a balancer that ends TLS, which the tests stand in for."""
    with serving_containers(stack("prod"), tmp_path, BALANCER) as running:
        running.serve_from("green")
        yield running


def test_what_the_balancer_says_of_the_visitor_is_believed(behind: ContainerSite) -> None:
    """DV6, VU1."""
    said = {"x-forwarded-for": "198.51.100.7, 203.0.113.9", "x-forwarded-proto": "https"}
    with container(behind.port("frontend", "green"), "one"):
        told = json.loads(behind.get_plain("/", **said).body)
    assert (told["x-forwarded-for"], told["x-real-ip"]) == ("203.0.113.9", "203.0.113.9")
    assert told["x-forwarded-proto"] == "https"


def test_what_anybody_else_says_is_not(tmp_path: Path) -> None:
    said = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    with serving_containers(stack("prod"), tmp_path, ELSEWHERE) as site:
        site.serve_from("blue")
        with container(site.port("frontend", "blue"), "one"):
            told = json.loads(site.get_plain("/", **said).body)
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "http")


def test_the_balancer_hears_how_the_release_that_serves_is(behind: ContainerSite) -> None:
    """DV6: by the host's address, under no name; the service sees a visitor of the product."""
    with container(behind.port("backend", "green"), "api") as api:
        answer = behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5")
        told = json.loads(answer.body)
        assert (answer.status, told["host"], told["x-forwarded-proto"]) == (200, "app.example.com", "https")
        assert api.asked == ["GET /api/v1/utils/health-check/"]
    assert behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 502


def test_an_unwell_release_is_unwell_to_the_balancer(behind: ContainerSite) -> None:
    with container(behind.port("backend", "green"), "api", status=503):
        assert behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 503
        assert behind.get_plain(nginx_proxy.HEALTH).status == 503, "under the product's name it is the same"


def test_a_drained_host_says_so_and_serves_who_is_still_there(behind: ContainerSite) -> None:
    """DV4: it leaves the pool before it is touched."""
    with container(behind.port("backend", "green"), "api"), container(behind.port("frontend", "green"), "page"):
        (behind.home / nginx_proxy.DRAINED).touch()
        assert behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 503
        assert behind.get_plain("/").status == 200
        (behind.home / nginx_proxy.DRAINED).unlink()
        assert behind.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 200


def test_a_host_without_a_release_gets_nobody(tmp_path: Path) -> None:
    with serving_containers(stack("prod"), tmp_path, BALANCER, released=False) as site:
        assert site.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 502
        assert site.get_plain("/").status == 503


def test_a_stranger_behind_the_balancer_gets_no_answer(behind: ContainerSite) -> None:
    with pytest.raises(OSError):
        behind.get_plain("/", host="stranger.example.net")


def test_a_balancer_may_speak_tls_to_its_hosts_and_ask_for_no_name(tmp_path: Path) -> None:
    """VU7: end to end."""
    with serving_containers(stack("prod"), tmp_path, Front("127.0.0.0/24", may_encrypt=True)) as site:
        site.serve_from("blue")
        with container(site.port("backend", "blue"), "api"), container(site.port("frontend", "blue"), "page"):
            assert site.get(nginx_proxy.HEALTH, host="10.100.0.5", sni="10.100.0.5").status == 200
            told = json.loads(site.get("/", x_forwarded_for="203.0.113.9").body)
            # while it changes over from one to the other, both are served
            assert site.get_plain(nginx_proxy.HEALTH, host="10.100.0.5").status == 200
            assert site.get_plain("/").status == 200
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("203.0.113.9", "https")


def test_a_switch_loses_no_request(site: ContainerSite) -> None:
    """VU6."""
    with container(site.port("frontend", "blue"), "old"), container(site.port("frontend", "green"), "new"):
        for _ in range(20):
            site.serve_from("green")
            assert _told(site, "/")["container"] == "new"
            site.serve_from("blue")
            assert _told(site, "/")["container"] == "old"
