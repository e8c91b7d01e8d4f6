"""Mistakes of backing services: keys that their provider has no use for, and what is missing of one that is given."""

from __future__ import annotations

from collections.abc import Iterator

from settings import droplets
from settings.backing import ONLY_FOR, AnyBacking, ObjectStorage, Redis
from settings.context import Context
from settings.problems import Problem
from settings.product import Product


def run(context: Context, product: Product) -> Iterator[Problem]:
    """Every mistake across the keys of a backing service."""
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}"
        yield from _useless_keys(path, backing)
        if isinstance(backing, ObjectStorage):
            yield from _object_storage(context, path, name, backing)
        if isinstance(backing, Redis) and backing.provider == "managed" and backing.version not in (None, 8):
            message = f"is {backing.version}, should be 8 or left out: the managed service is Valkey 8 now"
            yield Problem(f"{path}.version", message)


def _useless_keys(path: str, backing: AnyBacking) -> Iterator[Problem]:
    for key in sorted(backing.model_fields_set):
        providers = ONLY_FOR.get(key)
        if providers is not None and backing.provider not in providers:
            where = " or ".join(providers)
            message = f"is for a provider that is {where}, this one is {backing.provider}: leave it out"
            yield Problem(f"{path}.{key}", message)


def _object_storage(context: Context, path: str, name: str, storage: ObjectStorage) -> Iterator[Problem]:
    if storage.provider == "host":
        yield Problem(f"{path}.provider", "is host, should be managed or external: hosts keep no buckets")
    if storage.provider != "managed":
        return
    region = storage.region or getattr(context.blocks.get("architecture"), "region", None)
    if isinstance(region, str) and region not in droplets.SPACES_REGIONS:
        known = ", ".join(droplets.SPACES_REGIONS)
        yield Problem(f"{path}.region", f"{region} keeps no buckets, should be one of {known}")
