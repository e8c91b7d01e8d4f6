"""Where the images of a stack go, and what the stack then says of them."""

from __future__ import annotations

import pytest

from rehearsal.model import CloudError
from rehearsal.publishing import by_digest, engine_references, references

DIGEST = f"sha256:{'0' * 64}"


def test_each_variant_is_a_tag_of_the_repository_that_the_stack_names() -> None:
    built = {"main": {"backend": "x:1", "other": "y:1"}, "good": {"backend": "x:2", "other": "y:1"}}
    wanted = references({"backend": f"ghcr.io/example/backend@{DIGEST}"}, built)
    assert wanted == {
        "main": {"backend": "ghcr.io/example/backend:main"},
        "good": {"backend": "ghcr.io/example/backend:good"},
    }


def test_an_image_that_the_sample_has_not_is_named() -> None:
    with pytest.raises(CloudError, match=r"release\.images\.worker"):
        references({"worker": f"ghcr.io/example/worker@{DIGEST}"}, {"main": {"backend": "x:1"}})


def test_the_stack_says_the_digest_and_no_tag() -> None:
    assert by_digest("ghcr.io/example/backend:good", DIGEST) == f"ghcr.io/example/backend@{DIGEST}"


def test_engines_go_where_their_official_images_are() -> None:
    """What runs on a host, and what a managed database is dumped with."""
    backing: dict[str, dict[str, object]] = {
        "documents": {"engine": "mongodb", "provider": "host", "version": 7},
        "database": {"engine": "postgres", "provider": "managed"},
        "cache": {"engine": "redis", "provider": "host", "password": {"secret": "NAME"}},
        "managed-cache": {"engine": "redis", "provider": "managed"},
        "queue": {"engine": "rabbitmq", "provider": "host"},
        "uploads": {"engine": "object-storage", "provider": "managed"},
    }
    assert engine_references(backing) == {
        "documents": ("mongodb", "docker.io/library/mongo:7.0"),
        "database": ("postgres", "docker.io/library/postgres:17"),
        "cache": ("redis", "docker.io/valkey/valkey:8"),
    }


def test_an_engine_that_the_stack_names_by_digest_gets_another() -> None:
    backing = {"database": {"engine": "postgres", "provider": "host", "image": f"ghcr.io/example/postgres@{DIGEST}"}}
    assert engine_references(backing) == {"database": ("postgres", "ghcr.io/example/postgres:rehearsed")}
