"""The functions that programs call to look something up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.provider.digitalocean.catalog import IMAGES, REGIONS, SIZES, offers
from rehearsal.provider.digitalocean.database import LOCAL_ENGINES
from rehearsal.provider.resource import Context, RefusedError
from rehearsal.provider.values import Properties


def _find(table: str, key: str, kind: str) -> Callable[[Context, Properties], Properties]:
    def find(context: Context, arguments: Properties) -> Properties:
        for identifier, row in context.store.read()[table].items():
            if arguments.get(key) == row.get(key) or ("id" in arguments and str(arguments["id"]) == identifier):
                return {**row, "id": identifier}
        raise RefusedError(f"no {kind} found with {key} {arguments.get(key)}")

    return find


def _regions(context: Context, arguments: Properties) -> Properties:
    regions = [
        {
            "slug": slug,
            "name": slug.upper(),
            "available": True,
            "features": [],
            "sizes": [size for size in SIZES if offers(size, slug)],
        }
        for slug in sorted(REGIONS)
    ]
    return {"id": "regions", "regions": regions}


def _sizes(context: Context, arguments: Properties) -> Properties:
    sizes: list[dict[str, Any]] = [
        {
            "slug": slug,
            "available": True,
            "vcpus": size.vcpus,
            "memory": size.memory,
            "disk": size.disk,
            "transfer": 4.0,
            "priceMonthly": size.price,
            "priceHourly": size.price / 672,
            "regions": sorted(r for r in REGIONS if offers(slug, r)),
        }
        for slug, size in SIZES.items()
    ]
    return {"id": "sizes", "sizes": sizes}


def _image(context: Context, arguments: Properties) -> Properties:
    slug = arguments.get("slug", "")
    if slug not in IMAGES:
        raise RefusedError(f"no image found with slug {slug}")
    return {"id": slug, "slug": slug, "image": slug, "regions": sorted(REGIONS), "private": False, "type": "base"}


def _database_authority(context: Context, arguments: Properties) -> Properties:
    row = context.store.read()["database_clusters"].get(arguments["clusterId"])
    if row is None:
        raise RefusedError("Error retrieving database CA certificate: 404 cluster not found")
    return {
        "id": arguments["clusterId"],
        **arguments,
        "certificate": context.cloud.authority(LOCAL_ENGINES[row["engine"]]),
    }


FUNCTIONS: dict[str, Callable[[Context, Properties], Properties]] = {
    "digitalocean:index/getSshKey:getSshKey": _find("ssh_keys", "name", "SSH key"),
    "digitalocean:index/getDomain:getDomain": _find("domains", "name", "domain"),
    "digitalocean:index/getVpc:getVpc": _find("vpcs", "name", "VPC"),
    "digitalocean:index/getTag:getTag": _find("tags", "name", "tag"),
    "digitalocean:index/getProject:getProject": _find("projects", "name", "project"),
    "digitalocean:index/getDatabaseCa:getDatabaseCa": _database_authority,
    "digitalocean:index/getRegions:getRegions": _regions,
    "digitalocean:index/getSizes:getSizes": _sizes,
    "digitalocean:index/getImage:getImage": _image,
}
