"""The way into an app, as text: which request goes where."""

from __future__ import annotations

from rehearsal.managed.ingress import configuration
from rehearsal.model import AppPart, AppSpec, AppWay, Probe

PROBE = Probe("/health", 8000, period=5, timeout=5, successes=1, failures=12)
WEB = AppPart("web", "service", "image", 1, 1024, instances=2, port=8000, probe=PROBE)
API = AppPart("api", "service", "image", 1, 1024, port=9000)
JOB = AppPart("migrate", "before", "image", 1, 512)
WAYS = (AppWay("/", "web"), AppWay("/api", "api"), AppWay("/", "api", "api.example.com"))
SPEC = AppSpec("app", ("example.com",), WAYS, (WEB, API, JOB))
INSTANCES = {"web": [("one", "10.0.0.5"), ("two", "10.0.0.6")], "api": [("three", "10.0.0.7")]}


def _backend(text: str, name: str) -> str:
    return text.partition(f"\nbackend {name}\n")[2].partition("\nbackend")[0]


def test_a_name_comes_before_any_name_and_a_long_path_before_a_short_one() -> None:
    text = configuration(SPEC, INSTANCES)
    ways = [line.strip() for line in text.splitlines() if "use_backend" in line]
    assert ways == [
        "use_backend api if { req.hdr(host),host_only -i api.example.com } { path_beg / }",
        "use_backend api if { path_beg /api }",
        "use_backend web if { path_beg / }",
    ]


def test_every_instance_of_a_service_gets_requests_as_long_as_it_is_well() -> None:
    web = _backend(configuration(SPEC, INSTANCES), "web")
    assert "server one 10.0.0.5:8000 check port 8000 inter 5s fall 3 rise 1" in web
    assert "server two 10.0.0.6:8000 check" in web
    assert "http-check send meth GET uri /health" in web
    assert "  server three 10.0.0.7:9000\n" in _backend(configuration(SPEC, INSTANCES), "api")


def test_a_job_gets_no_requests() -> None:
    assert "migrate" not in configuration(SPEC, INSTANCES)


def test_http_is_sent_to_https_and_a_strange_name_gets_no_tls() -> None:
    text = configuration(SPEC, {})
    assert "http-request redirect scheme https" in text
    assert "strict-sni" in text
