"""Mistakes of backing services: keys that their provider has no use for, and what is missing of one that is given."""

from __future__ import annotations

from collections.abc import Iterator

from settings import droplets, managed
from settings.backing import (
    ADMINISTRATOR,
    ONLY_FOR,
    AnyBacking,
    MongoDB,
    ObjectStorage,
    Postgres,
    Redis,
    database_of,
    owner_of,
)
from settings.context import Context
from settings.masking import shown
from settings.problems import Problem, nearest
from settings.product import Product
from settings.quantity import MEMORY

OWN_DATABASES = {
    "mongodb": frozenset({"admin", "config", "local"}),
    "postgres": frozenset({"postgres", "template0", "template1"}),
}
"""Databases that an engine has for itself."""
LEAST_MIB = 64
"""Docker takes 6 and more (docs.docker.com, "Resource constraints"); no interpreter and no engine starts in that."""


def run(context: Context, product: Product) -> Iterator[Problem]:
    """Every mistake across the keys of a backing service."""
    for name, backing in product.backing.items():
        path = f"slipway:product.backing.{name}"
        yield from _useless_keys(path, backing)
        yield from memory(path, backing.memory)
        if name == "domain":
            message = "should be another name: `from: domain` is the product's names"
            yield Problem(path, message)
        if isinstance(backing, ObjectStorage):
            yield from _object_storage(context, path, name, backing)
        if isinstance(backing, Postgres | Redis | MongoDB) and backing.provider == "managed":
            yield from _managed(path, backing)
        if isinstance(backing, Postgres | MongoDB) and backing.provider == "host":
            yield from _own_names(path, product.name or "", backing)  # one with a mistake is left out
        if isinstance(backing, Redis) and backing.provider != "host" and backing.image is not None:
            message = f"is for a provider that is host, this one is {backing.provider}: leave it out"
            yield Problem(f"{path}.image", message)


def _own_names(path: str, product: str, backing: Postgres | MongoDB) -> Iterator[Problem]:
    """Names that the engine has for itself: it would refuse them, or the product would own more than its data."""
    database, owner = database_of(product, backing), owner_of(product, backing)
    said = f"{path}.database" if backing.database else "slipway:product.name"
    if database in OWN_DATABASES[backing.engine]:
        yield Problem(said, f"makes {database} the database, which is {backing.engine}'s own, should be another name")
    if isinstance(backing, Postgres):
        said = f"{path}.user" if backing.user else said
        own = owner in ("none", "public", ADMINISTRATOR) or owner.startswith("pg_")
    else:
        said, own = "slipway:product.name", owner == ADMINISTRATOR
    if own:
        message = f"makes {owner} the account, which {backing.engine} keeps to itself, should be another name"
        yield Problem(said, message)


def memory(path: str, most: int | None) -> Iterator[Problem]:
    """A limit in MiB that nothing starts in."""
    if most is not None and most < LEAST_MIB:
        message = f"is {MEMORY.write(most)}, should be at least {MEMORY.write(LEAST_MIB)}: nothing starts in less"
        yield Problem(f"{path}.memory", message)


def _useless_keys(path: str, backing: AnyBacking) -> Iterator[Problem]:
    for key in sorted(backing.model_fields_set):
        providers = ONLY_FOR.get(key)
        if providers is not None and backing.provider not in providers:
            where = " or ".join(providers)
            message = f"is for a provider that is {where}, this one is {backing.provider}: leave it out"
            yield Problem(f"{path}.{key}", message)


def _managed(path: str, backing: Postgres | Redis | MongoDB) -> Iterator[Problem]:
    """Versions and sizes that the managed service has not, and what a size can't have."""
    versions = managed.VERSIONS[backing.engine]
    if isinstance(backing, Redis):
        if backing.version is not None and backing.version not in versions:
            message = f"is {backing.version}, should be 8 or left out: the managed service is Valkey 8 now"
            yield Problem(f"{path}.version", message)
        if backing.eviction not in managed.EVICTIONS:
            known = ", ".join(managed.EVICTIONS)
            message = f"is {backing.eviction}, should be one of {known}: the managed service has no other"
            yield Problem(f"{path}.eviction", message)
        if backing.persistence != "snapshot":
            message = f"is {backing.persistence}, should be snapshot or left out: the managed service keeps it so"
            yield Problem(f"{path}.persistence", message)
    elif backing.version not in versions:
        known = ", ".join(str(version) for version in versions)
        message = f"is {backing.version}, should be one of {known}: the managed service has no other now"
        yield Problem(f"{path}.version", message)
    sizes = managed.sizes(backing.engine)
    if backing.size is None:
        yield Problem(f"{path}.size", f"is missing, should be one of {', '.join(sizes)}")
    elif backing.size not in sizes:
        what = f"there is no size {shown(backing.size)} of managed {backing.engine} here"
        yield Problem(f"{path}.size", f"{what}; {nearest(backing.size, sizes)}")
    if backing.size in managed.SINGLE_NODE:
        for key, value in managed.more_nodes(backing).items():
            message = f"is {value}, and {backing.size} comes as one node: leave it out, or take a larger size"
            yield Problem(f"{path}.{key}", message)


def _object_storage(context: Context, path: str, name: str, storage: ObjectStorage) -> Iterator[Problem]:
    if storage.provider == "host":
        yield Problem(f"{path}.provider", "is host, should be managed or external: hosts keep no buckets")
    if storage.provider != "managed":
        return
    if storage.size is not None:
        yield Problem(f"{path}.size", "is for a database: leave it out, a bucket is as large as what is in it")
    region = storage.region or getattr(context.blocks.get("architecture"), "region", None)
    if isinstance(region, str) and region not in droplets.SPACES_REGIONS:
        known = ", ".join(droplets.SPACES_REGIONS)
        yield Problem(f"{path}.region", f"{region} keeps no buckets, should be one of {known}")
