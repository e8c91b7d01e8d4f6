"""The product blocks of the other four systems, written from their documents: the model was fixed with them in hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import checks
from settings.context import Context
from settings.product import Product
from settings.variables import Generated, Secret, Wired

PRODUCTS = Path(__file__).parents[1] / "fixtures" / "products"


def raw(name: str) -> dict[str, Any]:
    """A fixture as it stands in its file."""
    content: dict[str, Any] = yaml.safe_load((PRODUCTS / f"{name}.yaml").read_text())
    return content


def product(name: str) -> Product:
    """A fixture as the program sees it, without any kind."""
    return Product.model_validate(raw(name))


@pytest.mark.parametrize("name", ["vulcan", "signupflow", "familycart", "devora"])
def test_a_product_block_parses_and_is_consistent_without_any_kind(name: str) -> None:
    block = product(name)
    secrets = frozenset(secret for _, secret in block.secret_references())
    context = Context(name, {"product": raw(name)}, {"product": block}, secrets)
    assert list(checks.run(context)) == []


def test_vulcan_says_what_its_document_asks_for() -> None:
    """VU2 VU3 VU4 VU5 VU8"""
    block = product("vulcan")
    backend, frontend = block.services["backend"], block.services["frontend"]
    assert set(backend.environment) >= {
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "BACKEND_CORS_ORIGINS",
        "SUPABASE_URL",
        "SUPABASE_SECRET",
    }
    assert set(frontend.environment) == {
        "NEXT_PUBLIC_API_URL",
        "NEXT_PUBLIC_SUPABASE_URL",
        "NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY",
        "NEXT_PUBLIC_ENABLE_DEBUG_MODE",
    }
    assert backend.health == "/api/v1/utils/health-check/"
    assert block.domains == ("app.example.com", "api.example.com")
    assert block.backing["database"].size == "db-s-2vcpu-4gb"
    assert block.jobs["migrate"].command == "alembic upgrade head"
    assert all("@sha256:" in image for image in block.release.images.values())


def test_signupflow_says_what_its_document_asks_for() -> None:
    """SF1 SF2 SF3 SF4 SF5 SF7 SF9"""
    block = product("signupflow")
    app = block.services["app"]
    assert set(block.environment) == {
        "DATABASE_URL",
        "DATABASE_POOL_SIZE",
        "DATABASE_MAX_OVERFLOW",
        "REDIS_URL",
        "SECRET_KEY",
        "ENVIRONMENT",
        "ALLOWED_HOSTS",
        "SENTRY_DSN",
        "BACKUP_ENCRYPTION_KEY",
        "SPACES_ACCESS_KEY",
        "SPACES_SECRET_KEY",
        "SPACES_BUCKET",
    }
    assert block.environment["ALLOWED_HOSTS"] == Wired(source="domain")
    assert block.environment["SENTRY_DSN"] == Secret(secret="SENTRY_DSN")
    assert (app.replicas, app.memory, app.stop_after) == (2, 1024, 30)
    assert app.autoscale is not None
    assert app.pool is not None
    assert (app.autoscale.most, app.pool.size, app.pool.overflow) == (4, 20, 10)
    assert block.logs is not None
    assert block.logs.provider == "papertrail"


def test_familycart_says_what_its_document_asks_for() -> None:
    """FC1 FC2 FC6 FC7 FC9"""
    block = product("familycart")
    backend = block.services["backend"]
    assert set(backend.environment) == {
        "POSTGRES_USER",
        "POSTGRES_PASSWORD",
        "POSTGRES_DB",
        "POSTGRES_SERVER",
        "POSTGRES_PORT",
        "REDIS_PASSWORD",
        "REDIS_HOST",
        "SECRET_KEY",
        "ACCESS_TOKEN_EXPIRE_MINUTES",
    }
    assert backend.environment["SECRET_KEY"] == Generated(generate=64)
    assert "SECRET_KEY" not in block.services["frontend"].environment
    database, cache = block.backing["database"], block.backing["cache"]
    assert database.engine == "postgres"
    assert (database.version, database.settings) == (15, {"shared_buffers": "64MB", "max_connections": "40"})
    assert cache.engine == "redis"
    assert (cache.version, cache.persistence) == (8, "none")
    assert block.domains == ("app.familycart.app", "api.familycart.app")


def test_devora_says_what_its_document_asks_for() -> None:
    """DV1 DV3 DV4 DV7"""
    block = product("devora")
    backend, frontend = block.services["backend"], block.services["frontend"]
    assert (backend.replicas, backend.cpu, backend.memory, backend.health) == (2, 1.0, 512, "/api/")
    assert frontend.replicas == 2
    assert [route.path for route in block.routes if route.streaming] == ["/api/"]
    assert backend.volumes == {"uploads": "/var/devora/uploads"}
    documents = block.backing["documents"]
    assert documents.engine == "mongodb"
    assert (documents.version, documents.replica_set, documents.database) == (7, "rs0", "devora_projects_db")
    assert {"MONGO_URL", "DB_NAME", "CORS_ORIGINS"} <= set(backend.environment)
    assert set(frontend.environment) == {"REACT_APP_BACKEND_URL"}
    assert block.domains == ("devora.ai", "www.devora.ai")
    assert block.release.versions == {"backend": "2.3.1", "frontend": "2.3.1"}
