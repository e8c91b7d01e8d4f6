"""`make compose`: the product on a laptop and in CI, by the same model as on its hosts (DV2)."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostfiles import compose, compose_development, engines
from settings import stackfile
from settings.stack import Settings
from tests.hostfiles.compose_stacks import everything, manifest, stack
from tests.hostfiles.stacks import ROOT, content
from tests.hostfiles.test_compose import check_schema

BUCKET = {"engine": "object-storage", "provider": "managed", "bucket": "devora-uploads"}


def _richest() -> Settings:
    """Everything that a laptop may have to stand in for, whoever provides it elsewhere."""
    backing = {
        "documents": {"engine": "mongodb", "provider": "managed", "size": "db-s-1vcpu-1gb"},
        "memory": {"engine": "postgres", "provider": "external", "url": {"secret": "DATABASE_URL"}},
        "cache": {"engine": "redis", "provider": "host"},
        "queue": {"engine": "rabbitmq", "provider": "external", "url": {"secret": "AMQP_URL"}},
        "files": BUCKET,
    }
    return everything(product={"backing": backing})


RICHEST = _richest()


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.compose", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )


def _read(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose.text(compose_development.development(settings)))
    return found


@pytest.mark.parametrize("name", ["devora-vps", "devora-fleet", "prod", "staging"])
def test_every_stack_of_containers_has_a_file_for_a_laptop(name: str, tmp_path: Path) -> None:
    printed = _run("--stack", name)
    assert printed.returncode == 0, printed.stderr
    (tmp_path / "compose.yaml").write_text(printed.stdout)
    checked = check_schema(tmp_path / "compose.yaml")
    assert checked.returncode == 0, checked.stdout


def test_the_richest_file_is_what_the_specification_allows(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(compose.text(compose_development.development(RICHEST)))
    checked = check_schema(tmp_path / "compose.yaml")
    assert checked.returncode == 0, checked.stdout


def test_make_takes_the_environment_by_its_long_name_and_by_its_short_one() -> None:
    def printed(*arguments: str, **variables: str) -> str:
        command = [
            "make",
            "--no-print-directory",
            "--old-file",
            "requirements.txt",
            "compose",
            "STACK=prod",
            *arguments,
        ]
        environment = {**os.environ, **variables}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    production = printed("ENV=production")
    assert production == printed("ENVIRONMENT=production")
    assert production == content(manifest(stack("prod")), "/opt/vulcan/compose/docker-compose.prod.yml")
    assert production == printed("ENV=production", ENVIRONMENT="development"), "a shell's own means nothing here"
    development = printed("ENV=development")
    assert development == printed(ENV="/root/.shrc"), "a shell's own ENV is a file, and means nothing here"
    assert yaml.safe_load(development)["name"] == "vulcan"


def test_a_product_that_runs_from_source_has_none_and_is_told_so_in_one_line() -> None:
    refused = _run("--stack", "familyflow")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.fullmatch(r"familyflow has no compose file: services\.\w+ runs from source, no image\n", refused.stderr)


def test_containers_are_as_on_a_host() -> None:
    """DV2: one model."""
    here, there = _read(RICHEST)["services"], compose.release(RICHEST.product)["services"]
    for name, service in there.items():
        for key in ("command", "user", "read_only", "tmpfs", "cap_drop", "security_opt", "healthcheck", "volumes"):
            assert here[name].get(key) == service.get(key), f"{name}.{key}"


def test_everything_that_backs_the_product_runs_beside_it_and_is_awaited() -> None:
    model = _read(RICHEST)
    for name in RICHEST.product.services:
        needed = model["services"][name]["depends_on"]
        assert {needed[backing]["condition"] for backing in RICHEST.product.backing} == {"service_healthy"}
        assert needed["job-migrate"] == {"condition": "service_completed_successfully"}
    assert all("healthcheck" in model["services"][name] for name in RICHEST.product.backing)
    assert model["services"]["job-migrate"]["command"] == ["alembic", "upgrade", "head"]


def test_who_asks_for_a_pool_gets_the_database_itself() -> None:
    """No pooler is on a laptop."""
    managed = {"engine": "postgres", "provider": "managed", "size": "db-s-1vcpu-1gb", "pools": {"web": {"size": 5}}}
    services = copy.deepcopy(dict(stackfile.read(ROOT / "Pulumi.prod.yaml").values)["product"]["services"])
    services["backend"]["environment"]["DATABASE_URL"] = {"from": "database", "pool": "web"}
    del services["backend"]["pool"]
    cache = {"engine": "redis", "provider": "host"}
    product = {"services": services, "backing": {"database": managed, "cache": cache}}
    told = _read(stack("prod", product))["services"]["backend"]["environment"]["DATABASE_URL"]
    assert told == "${DATABASE_URL:-postgresql://vulcan:development@database:5432/vulcan}"


def test_services_are_published_on_loopback_each_on_its_own_port() -> None:
    services = {name: {"role": "web", "image": "backend", "port": 8000, "health": "/"} for name in ("admin", "backend")}
    settings = stack("devora-vps", {"services": services, "routes": [{"path": "/", "service": "backend"}]})
    ports = [service["ports"] for service in _read(settings)["services"].values() if "ports" in service]
    assert ports == [["127.0.0.1:${ADMIN_PORT:-8000}:8000"], ["127.0.0.1:${BACKEND_PORT:-8001}:8000"]]


def test_a_secret_has_to_be_given_and_anything_else_may_be() -> None:
    """ALL3: nothing that is a secret elsewhere has a value here."""
    told = _read(RICHEST)["services"]["backend"]["environment"]
    assert told["STRIPE_KEY"] == "${STRIPE_KEY:?set STRIPE_KEY in .env}"
    assert told["LOG_LEVEL"] == "${LOG_LEVEL:-info}"
    assert re.fullmatch(r"\$\{SECRET_KEY:-[a-z-]{50}\}", told["SECRET_KEY"])
    assert told["MEMORI_DATABASE_URL"] == (
        "${MEMORI_DATABASE_URL:-postgresql://devora:development@memory:5432/devora}"
    ), "the one that is external elsewhere"
    assert told["ALLOWED_HOSTS"] == "${ALLOWED_HOSTS:-localhost,127.0.0.1,devora.ai,www.devora.ai}"
    assert told["AWS_ACCESS_KEY_ID"] == "${AWS_ACCESS_KEY_ID:-development}"


@pytest.mark.parametrize("name", ["devora-vps", "devora-fleet", "prod", "staging", "signupflow", "signupflow-staging"])
def test_a_laptop_is_led_to_no_site_of_the_product(name: str) -> None:
    """Whoever tries something out on a laptop is not to write to where visitors are."""
    settings = stack(name)
    sites = re.compile(rf"//(?:{'|'.join(re.escape(domain) for domain in settings.product.domains)})")
    for service, made in _read(settings)["services"].items():
        led = {variable: text for variable, text in made.get("environment", {}).items() if sites.search(text)}
        assert not led, f"{service} is led to {led}"


def _told(name: str, service: str, **product: Any) -> dict[str, str]:
    told: dict[str, str] = _read(stack(name, product or None))["services"][service]["environment"]
    return told


def test_urls_of_the_product_lead_to_the_services_on_the_laptop_and_follow_their_ports() -> None:
    api = _told("devora-vps", "frontend")["REACT_APP_BACKEND_URL"]
    assert api == "${REACT_APP_BACKEND_URL:-http://localhost:${BACKEND_PORT:-8000}}", "the page's own name is its API's"
    assert _told("prod", "frontend")["NEXT_PUBLIC_API_URL"].endswith("http://localhost:${BACKEND_PORT:-8000}}")
    assert _told("prod", "backend")["BACKEND_CORS_ORIGINS"].endswith(':-["http://localhost:${FRONTEND_PORT:-3000}"]}')


def test_an_origin_of_port_80_is_written_without_it_as_browsers_do() -> None:
    port = "${FRONTEND_PORT:+:${FRONTEND_PORT:-}}"
    allowed = _told("devora-vps", "backend")["CORS_ORIGINS"]
    assert allowed == f"${{CORS_ORIGINS:-http://localhost{port},http://127.0.0.1{port}}}"


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("https://app.example.com:443/x", "http://localhost:${FRONTEND_PORT:-3000}/x"),
        ("wss://api.example.com/live?a=b", "ws://localhost:${BACKEND_PORT:-8000}/live?a=b"),
        ("https://app.example.com.evil.example", "https://app.example.com.evil.example"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("https://otel.example.com", "https://otel.example.com"),
    ],
)
def test_only_what_visitors_reach_is_led_elsewhere(text: str, led: str) -> None:
    assert _told("prod", "backend", environment={"PAGE": text})["PAGE"] == f"${{PAGE:-{led}}}"


def test_a_url_in_a_text_that_stays_as_it_is_is_led_to_the_laptop_too() -> None:
    told = _told("prod", "backend", environment={"PAGE": '{"url": "https://app.example.com", "who": "$name"}'})
    assert told["PAGE"] == '{"url": "http://localhost:${FRONTEND_PORT:-3000}", "who": "$$name"}'


def test_a_text_that_compose_would_read_otherwise_is_left_as_it_is() -> None:
    settings = everything(product={"environment": {"TEMPLATE": '{"user": "$name"}', "BRACES": "a}b"}})
    told = _read(settings)["services"]["backend"]["environment"]
    assert (told["TEMPLATE"], told["BRACES"]) == ('{"user": "$$name"}', "a}b")


def test_what_an_engine_reads_from_a_file_is_in_the_file_itself() -> None:
    model = _read(RICHEST)
    assert set(model["configs"]) == {"cache", "documents"}
    assert 'requirepass "development"' in model["configs"]["cache"]["content"]
    assert model["services"]["cache"]["configs"] == [{"source": "cache", "target": engines.FILE}]
