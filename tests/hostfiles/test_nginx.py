"""nginx.conf, read by nginx and asked by a visitor (FF9)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostfiles import nginx
from settings.droplets import IMAGES
from settings.kinds import with_hosts
from settings.stack import Settings
from tests.hostfiles.conftest import Run
from tests.hostfiles.site import NAME, Site, service, serving, write
from tests.hostfiles.stacks import raw, stack

SECURITY_HEADERS = {
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "strict-origin-when-cross-origin",
}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short one: services listen below it, and a socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as directory:
        yield Path(directory)


def _richer() -> Settings:
    """Everything that a product can ask of nginx: aliases, another host, a stream, paths that are in each other."""
    services = raw("services")
    services["admin"] = {**services["frontend"], "directory": "admin"}
    services["socket"] = {**services["api"], "port": 8100, "health": "/ws/health/", "assets": {}}
    return stack(
        {
            "aliases": ["www.familyflow.example.com"],
            "services": services,
            "routes": [
                {"path": "/", "service": "frontend"},
                {"path": "/api", "service": "api", "timeout": "90s"},
                {"path": "/api/live/", "service": "socket", "streaming": True},
                {"path": "/admin", "service": "admin"},
                {"host": "api.example.com", "path": "/", "service": "api"},
                {"host": "hooks.example.com", "path": "/in/", "service": "api"},
            ],
        }
    )


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("settings", [stack(), _richer()], ids=["familyflow", "everything"])
def test_nginx_takes_the_configuration_of_every_image(settings: Settings, image: str, run: Run, tmp_path: Path) -> None:
    """An older nginx than the image's can't know `http2 on`: then that, and nothing else, is what it says."""
    version = tuple(int(part) for part in re.findall(r"\d+", run("nginx", "-v").stderr.partition("/")[2])[:3])
    architecture = settings.architecture.model_copy(update={"image": image})
    path = write(settings, architecture, tmp_path, 18080, 18443)
    checked = run("nginx", "-t", "-c", str(path))
    if image == "debian-13-x64" and version < (1, 25, 1):
        assert 'unknown directive "http2"' in checked.stderr
    else:
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_a_directive_that_an_image_lacks_is_not_used_there(image: str) -> None:
    """FF1: nginx 1.18 has no ssl_reject_handshake, and before 1.25.1 HTTP/2 is a word of `listen`."""
    text = nginx.config(stack(), with_hosts(stack().architecture).model_copy(update={"image": image}))
    assert ("ssl_reject_handshake" in text) == (image != "ubuntu-22-04-x64")
    assert ("http2 on;" in text) == (image == "debian-13-x64") == ("ssl http2" not in text)
    routes = nginx.site(stack(), with_hosts(stack().architecture).model_copy(update={"image": image}))
    assert ("ssl http2" in routes) == ("ssl http2" in text)


def test_nothing_that_a_release_may_change_is_in_what_is_applied_before_it() -> None:
    """FF8: a release with other names may fail, and the old one serves on."""
    changed = stack({"services": raw("services"), "routes": [{"path": "/", "service": "api", "timeout": "20s"}]})
    kind = with_hosts(stack().architecture)
    assert nginx.config(changed, kind) == nginx.config(stack(), kind)
    assert nginx.site(changed, kind) != nginx.site(stack(), kind)
    renamed = {"web" if name == "api" else name: service for name, service in raw("services").items()}
    renamed["frontend"] = {**renamed["frontend"], "output": "out"}
    routes = [{"path": "/api", "service": "web"}, {"path": "/", "service": "frontend"}]
    jobs = {"migrate": {**raw("jobs")["migrate"], "service": "web"}}
    other = stack({"services": renamed, "routes": routes, "jobs": jobs})
    assert nginx.config(other, kind) == nginx.config(stack(), kind)


def test_a_name_that_no_release_serves_yet_is_told_to_come_back(tmp_path: Path) -> None:
    with serving(_richer(), tmp_path, released=False) as site:
        for name in (NAME, "www.familyflow.example.com", "api.example.com"):
            answer = site.get("/", host=name)
            assert (answer.status, answer.headers["retry-after"]) == (503, "60")
            assert answer.headers["strict-transport-security"] == SECURITY_HEADERS["strict-transport-security"]
        assert site.get_plain("/").status == 301
        with pytest.raises(OSError):
            site.get("/", host="familyflowXexample.com")


@pytest.fixture
def site(familyflow: Settings, tmp_path: Path) -> Iterator[Site]:
    """FamilyFlow with its second release serving."""
    with serving(familyflow, tmp_path) as running:
        for slot, name in (("blue", "one"), ("green", "two")):
            home = running.release(slot, name)
            for directory in ("frontend/dist/assets", "backend/staticfiles"):
                (home / "src" / directory).mkdir(parents=True)
            (home / "src/frontend/dist/index.html").write_text(f"<html>{name}</html>")
            (home / f"src/frontend/dist/assets/{name}-4f3a2b1c.js").write_text(f"// {name}\n" * 400)
            (home / f"src/backend/staticfiles/{name}.css").write_text(name)
            (home / f"src/backend/staticfiles/{name}.0123456789ab.css").write_text(name)
            (home / "src/backend/settings.py").write_text("not for visitors")
        running.point("previous", "blue")
        running.point("current", "green")
        with service(running.root / "srv/familyflow/releases/two/run/api.sock", "two"):
            yield running


@pytest.mark.parametrize(
    "path",
    [
        *["/", "/some/page", "/assets/two-4f3a2b1c.js", "/assets/one-4f3a2b1c.js", "/assets/none.js"],
        *["/static/two.css", "/static/none.css", "/api/health/", "/api", "/api/broken"],
    ],
)
def test_every_answer_has_the_security_headers(site: Site, path: str) -> None:
    """FF9: none is lost where a nested block says something of its own, nor on an error."""
    headers = site.get(path).headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "permissions-policy" in headers
    assert headers["server"] == "nginx"


def test_a_service_may_set_its_own_header_and_it_is_sent_once(site: Site) -> None:
    assert site.get("/api/framed").headers["x-frame-options"] == "DENY"


def test_built_files_are_cached_for_long_and_the_page_is_asked_for_anew(site: Site) -> None:
    year = "public, max-age=31536000, immutable"
    assert site.get("/assets/two-4f3a2b1c.js").headers["cache-control"] == year
    assert site.get("/static/two.0123456789ab.css").headers["cache-control"] == year
    assert site.get("/static/two.css").headers["cache-control"] == "public, max-age=3600"
    assert site.get("/").headers["cache-control"] == "no-cache"
    assert "cache-control" not in site.get("/assets/none.js").headers
    assert "cache-control" not in site.get("/api/health/").headers


def test_a_page_from_before_the_release_still_finds_its_parts(site: Site) -> None:
    """FF8: the release before is in the other slot."""
    for path in ("/assets/one-4f3a2b1c.js", "/static/one.css", "/static/one.0123456789ab.css"):
        found = site.get(path)
        assert (found.status, b"one" in found.body) == (200, True)
    assert site.get("/assets/none.js").status == 404
    assert site.get("/static/none.css").status == 404


def test_one_rename_switches_the_service_and_the_files_together(site: Site) -> None:
    """FF8: without a reload."""
    assert (site.get("/").body, site.get("/api/x").body.count(b'"two"')) == (b"<html>two</html>", 1)
    with service(site.root / "srv/familyflow/releases/one/run/api.sock", "one"):
        site.point("current", "blue")
        assert (site.get("/").body, site.get("/api/x").body.count(b'"one"')) == (b"<html>one</html>", 1)


def test_a_path_of_the_application_is_its_page_and_nothing_else_of_the_source_is_shown(site: Site) -> None:
    assert site.get("/families/7").body == b"<html>two</html>"
    assert site.get("/apiary").body == b"<html>two</html>"
    for path in ("/static/../settings.py", "/static../settings.py", "/static/%2e%2e/settings.py", "/static"):
        assert b"not for visitors" not in site.get(path).body


def test_only_what_is_built_is_compressed(site: Site) -> None:
    """A compressed answer of a service could give a secret away (BREACH)."""
    assert site.get("/assets/two-4f3a2b1c.js", accept_encoding="gzip").headers["content-encoding"] == "gzip"
    long = "/api/x?" + "x" * 4000
    assert "content-encoding" not in site.get(long, accept_encoding="gzip").headers


def test_a_service_learns_who_asks_and_believes_no_header_about_it(site: Site) -> None:
    told = site.get("/api/x?y=1", x_forwarded_for="203.0.113.9", x_forwarded_host="evil.example", proxy="evil").body
    for part in (b'"x-forwarded-for": "127.0.0.1"', b'"x-forwarded-proto": "https"', b'"path": "/api/x?y=1"'):
        assert part in told
    assert f'"host": "{NAME}"'.encode() in told
    assert b"evil" not in told


def test_no_protocol_is_upgraded_on_an_ordinary_route(site: Site) -> None:
    told = site.get("/api/x", connection="Upgrade", upgrade="h2c").body
    assert b'"connection": "close"' in told
    assert b"h2c" not in told


def test_plain_http_only_redirects_and_answers_the_certificates_authority(site: Site) -> None:
    """FF9."""
    (site.root / "acme/.well-known/acme-challenge/token").write_text("proof")
    answered = site.get_plain("/.well-known/acme-challenge/token")
    assert (answered.status, answered.body) == (200, b"proof")
    assert site.get_plain("/.well-known/acme-challenge/none").status == 404
    redirected = site.get_plain("/some/path?x=1")
    assert (redirected.status, redirected.headers["location"]) == (301, f"https://{NAME}/some/path?x=1")


def test_another_name_gets_no_answer(site: Site) -> None:
    with pytest.raises(OSError):
        site.get("/", host="stranger.example.net")
    with pytest.raises(OSError):
        site.get_plain("/", host="stranger.example.net")


def test_another_name_on_a_connection_to_ours_gets_nothing_either(site: Site) -> None:
    assert site.get("/", host="stranger.example.net", sni=NAME).status == 421


def test_logs_have_neither_queries_nor_probes_that_went_well(site: Site) -> None:
    """ALL3: tokens of e-mailed links are in queries."""
    for path in ("/api/health/", "/reset?token=s3cret-of-a-visitor", "/api/reset?token=s3cret-of-a-visitor"):
        site.get(path, referer="https://x.example/?token=s3cret-of-a-visitor")
    logged = site.log()
    assert [entry["path"] for entry in logged] == ["/reset", "/api/reset"]
    assert "s3cret" not in (site.root / "access.log").read_text()


def test_no_error_is_told_with_the_query_of_its_request(site: Site) -> None:
    """ALL3: of a service that is gone, one that refuses, one that breaks off, and a file that may not be read."""
    socket, page = site.root / "srv/familyflow/releases/two/run/api.sock", "?token=s3cret-of-a-visitor"
    (site.root / "srv/familyflow/releases/two/src/frontend/dist/assets/loop.js").symlink_to("loop.js")
    socket.unlink()
    assert site.get(f"/api/reset{page}", referer=f"https://{NAME}/{page}").status == 502
    socket.mkdir()
    assert site.get(f"/api/reset{page}").status == 502
    assert site.get(f"/assets/loop.js{page}").status == 403
    assert [entry["upstream_status"] for entry in site.log()] == ["502", "502", ""]
    assert "s3cret" not in (site.root / "error.log").read_text()


def test_a_missing_service_is_a_502_and_no_second_try(site: Site) -> None:
    (site.root / "srv/familyflow/releases/two/run/api.sock").unlink()
    assert site.get("/api/x", method="POST").status == 502


def test_while_it_is_read_only_nothing_is_written_under_any_name(tmp_path: Path) -> None:
    """DV10; built files, which no one can write to, answer as always."""
    with serving(_richer(), tmp_path) as site:
        home = site.release("blue", "one")
        (home / "src/frontend/dist").mkdir(parents=True)
        (home / "src/frontend/dist/index.html").write_text("<html>front</html>")
        site.point("current", "blue")
        with service(home / "run/api.sock", "api"):
            for status, change in ((200, site.shut), (503, site.reopen), (200, site.shut)):
                for name, path in ((NAME, "/api/x"), ("api.example.com", "/anything"), ("hooks.example.com", "/in/x")):
                    assert site.get(path, host=name, sni=NAME, method="POST").status == status
                    assert site.get(path, host=name, sni=NAME).status == 200
                assert site.get("/some/page").body == b"<html>front</html>"
                change()


def test_a_stream_is_not_buffered_and_may_be_a_websocket() -> None:
    """DV3's words, for any product."""
    text = nginx.site(_richer(), with_hosts(stack().architecture))
    block = text[text.index("location ^~ /api/live/ {") :].partition("}")[0]
    for line in ("proxy_buffering off;", "proxy_read_timeout 3600s;", "proxy_set_header Upgrade $proxied_upgrade;"):
        assert line in block


def test_routes_of_another_host_are_its_own(tmp_path: Path) -> None:
    with serving(_richer(), tmp_path) as site:
        home = site.release("blue", "one")
        for directory in ("frontend/dist/assets", "admin/dist/assets", "backend/staticfiles"):
            (home / "src" / directory).mkdir(parents=True)
        (home / "src/frontend/dist/index.html").write_text("<html>front</html>")
        (home / "src/admin/dist/index.html").write_text("<html>admin</html>")
        (home / "src/admin/dist/assets/app-12345678.js").write_text("admin's")
        site.point("current", "blue")
        with service(home / "run/api.sock", "api"), service(home / "run/socket.sock", "socket"):
            assert b'"api"' in site.get("/anything", host="api.example.com", sni=NAME).body
            assert b'"api"' in site.get("/in/x", host="hooks.example.com", sni=NAME).body
            assert site.get("/", host="hooks.example.com", sni=NAME).status == 404
            assert site.get("/", host="www.familyflow.example.com", sni=NAME).body == b"<html>front</html>"
            assert b'"socket"' in site.get("/api/live/x").body
            assert b'"api"' in site.get("/api/lively").body
            assert site.get("/admin/users/3").body == b"<html>admin</html>"
            built = site.get("/admin/assets/app-12345678.js")
            assert (built.body, "immutable" in built.headers["cache-control"]) == (b"admin's", True)
            assert site.get("/admin").headers["location"] == f"https://{NAME}:{site.tls_port}/admin/"
