"""FamilyFlow as its stack file says it, and products that need what FamilyFlow does not."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from settings.stack import Settings

PRODUCT: dict[str, Any] = {
    "name": "familyflow",
    "domain": "familyflow.example.com",
    "contact": "ops@example.com",
    "source": {"repository": "https://github.com/example/familyflow.git"},
    "release": {"commit": "3f2c9d0e5b7a48d1926c0e4f7a8b3d5c6e1f2a90"},
    "services": {
        "api": {
            "role": "web",
            "runtime": "python",
            "directory": "backend",
            "build": "python manage.py collectstatic --noinput",
            "assets": {"/static/": "staticfiles"},
            "command": "gunicorn config.wsgi --workers 2 --threads 4",
            "port": 8000,
            "health": "/api/health/",
            "memory": "512Mi",
        },
        "worker": {
            "role": "worker",
            "runtime": "python",
            "directory": "backend",
            "command": "celery -A config worker --loglevel INFO --concurrency 2",
            "ready": "python ready.py worker",
            "memory": "512Mi",
            "stop_after": "60s",
        },
        "beat": {
            "role": "scheduler",
            "runtime": "python",
            "directory": "backend",
            "command": "celery -A config beat --loglevel INFO",
            "ready": "python ready.py beat",
            "memory": "256Mi",
            "stop_after": "10s",
        },
        "frontend": {
            "role": "static",
            "runtime": "node",
            "directory": "frontend",
            "build": "pnpm build",
            "output": "dist",
        },
    },
    "routes": [{"path": "/api", "service": "api"}, {"path": "/", "service": "frontend"}],
    "jobs": {
        "migrate": {"service": "api", "command": "python manage.py migrate --noinput", "when": "before-switch"},
    },
    "backing": {
        "database": {"engine": "postgres", "provider": "external", "url": {"secret": "SUPABASE_DB_URL"}},
        "cache": {"engine": "redis", "provider": "host"},
        "queue": {"engine": "rabbitmq", "provider": "host"},
        "uploads": {"engine": "object-storage", "provider": "managed"},
    },
    "environment": {
        "DEBUG": "False",
        "SECRET_KEY": {"generate": 50},
        "ALLOWED_HOSTS": {"from": "domain"},
        "SUPABASE_DB_URL": {"from": "database"},
        "SUPABASE_ANON_KEY": {"secret": "SUPABASE_ANON_KEY"},
        "REDIS_URL": {"from": "cache"},
        "CELERY_BROKER_URL": {"from": "queue"},
        "AWS_STORAGE_BUCKET_NAME": {"from": "uploads", "field": "bucket"},
        "VITE_API_BASE_URL": "https://familyflow.example.com",
    },
}

STACK: dict[str, Any] = {
    "stack": "familyflow",
    "product": PRODUCT,
    "architecture": {"kind": "droplet-pm2", "region": "nyc3", "size": "s-2vcpu-4gb"},
    "access": {
        "admin_cidrs": ["203.0.113.7/32"],
        "ssh_keys": [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHx8Yk1eQf0m7rJ9s3cVt2bZ6wLq4uNd5oXaGpR1EyTi ops@example.com",
        ],
    },
    "dns": {"provider": "digitalocean", "zone": "example.com"},
}


def stack(product: dict[str, Any] | None = None, **blocks: Any) -> Settings:
    """Settings of FamilyFlow with these keys of the product, and these blocks of the stack file, in place of its own."""
    return Settings.model_validate({**STACK, **blocks, "product": {**PRODUCT, **(product or {})}})


@pytest.fixture
def familyflow() -> Settings:
    """FamilyFlow."""
    return stack()


@pytest.fixture
def passwords() -> dict[str, str]:
    """Passwords of the backing services on the host, as `random_password` makes them."""
    return {"cache": secrets.token_hex(16), "queue": secrets.token_hex(16)}
