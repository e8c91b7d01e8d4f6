"""What a stack's hosts fetch, put where they will look for it: the product's repository, its images, its engines'."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rehearsal.base_image import base_image
from rehearsal.cloud import LocalCloud
from rehearsal.container_images import trusting
from rehearsal.engines import ENGINES, engine_image
from rehearsal.image import host_image
from rehearsal.model import CloudError
from rehearsal.product_images import MAIN, has_images, product_images
from rehearsal.product_repository import write_repository
from rehearsal.workspace import ROOT, Workspace
from settings.backing import MongoDB, Postgres, Redis
from settings.backing import engine_image as official_name

Variants = dict[str, dict[str, str]]
_MODELS: dict[str, type[Postgres | MongoDB | Redis]] = {"postgres": Postgres, "mongodb": MongoDB, "redis": Redis}
_OWN_TAG = "rehearsed"  # of an engine's image that the stack names by a digest, which nothing made here has


@dataclass
class Published:
    """What is there: the commit, or each image's digest, by variant; and what the stack has to say otherwise."""

    commits: dict[str, str] = field(default_factory=dict)
    images: Variants = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # values by their path in the configuration


def publish(
    cloud: LocalCloud, workspace: Workspace, product: Mapping[str, Any], show: Callable[[str], None]
) -> Published:
    """Publishes the sample of the product's name, and the engines that it runs beside. Idempotent."""
    done = Published()
    sample = ROOT / "examples" / str(product.get("name"))
    repository = (product.get("source") or {}).get("repository")
    if repository and sample.is_dir():
        done.commits = _commits(workspace, sample)
        path = urlsplit(repository).path.strip("/").removesuffix(".git")
        done.changes["product.release.commit"] = cloud.publish_repository(workspace.product, path)
    named = (product.get("release") or {}).get("images") or {}
    if named and has_images(sample):
        _publish_images(cloud, product, named, sample, done, show)
        (workspace.account / "images.json").write_text(json.dumps(done.images))
    return done


def _commits(workspace: Workspace, sample: Path) -> dict[str, str]:
    kept = workspace.account / "commits.json"
    if not workspace.product.exists():
        kept.write_text(json.dumps(write_repository(workspace.product, sample)))
    commits: dict[str, str] = json.loads(kept.read_text())
    return commits


def _publish_images(
    cloud: LocalCloud,
    product: Mapping[str, Any],
    named: Mapping[str, str],
    sample: Path,
    done: Published,
    show: Callable[[str], None],
) -> None:
    base = base_image(cloud.docker, host_image(cloud.docker, show), show)
    built = product_images(cloud.docker, base, sample, show)
    authority = cloud.authorities_pem()  # for the product itself, which asks what the rehearsal has certified
    trust = {tag: trusting(cloud.docker, tag, authority) for images in built.values() for tag in images.values()}
    built = {variant: {name: trust[tag] for name, tag in images.items()} for variant, images in built.items()}
    wanted = references(named, built)
    engines = engine_references(product.get("backing") or {})
    images = {wanted[variant][name]: built[variant][name] for variant in wanted for name in wanted[variant]}
    made = {  # their tools dump what is managed, too
        engine: trusting(cloud.docker, engine_image(cloud.docker, base, engine, show), authority)
        for engine, _ in engines.values()
    }
    images |= {reference: made[engine] for engine, reference in engines.values()}
    digests = cloud.registry().publish(images, show)
    done.images = {
        variant: {name: by_digest(reference, digests[reference]) for name, reference in references.items()}
        for variant, references in wanted.items()
    }
    done.changes["product.release.images"] = done.images[MAIN]
    for name, (_, reference) in engines.items():
        if reference.endswith(f":{_OWN_TAG}"):
            done.changes[f"product.backing.{name}.image"] = by_digest(reference, digests[reference])


def references(named: Mapping[str, str], built: Variants) -> Variants:
    """Where each variant of each image goes: the repository that the stack names, the variant as a tag."""
    absent = sorted(set(named) - set(built[MAIN]))
    if absent:
        raise CloudError(f"release.images.{absent[0]}: the sample product has no image of this name")
    return {
        variant: {name: f"{image.partition('@')[0]}:{variant}" for name, image in named.items()} for variant in built
    }


def engine_references(backing: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Engine and reference of each backing service whose engine's image a host needs: to run it, or to dump it."""
    found = {}
    for name, service in backing.items():
        engine = str(service.get("engine"))
        if engine not in ENGINES or (engine == "redis" and service.get("provider") != "host"):
            continue
        image = official_name(_MODELS[engine].model_construct(**service))  # not yet looked at: only its defaults count
        found[name] = (engine, f"{image.partition('@')[0]}:{_OWN_TAG}" if "@" in image else image)
    return found


def by_digest(reference: str, digest: str) -> str:
    """The image itself, not the tag under which it was published."""
    return f"{reference.rpartition(':')[0]}@{digest}"
