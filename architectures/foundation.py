"""What outlives a kind: made under names of its own and protected, so that changing `kind:` replaces compute alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.bucket import Bucket, BucketArgs
from components.network import Network, NetworkArgs
from components.project import Group, GroupArgs
from settings.backing import ObjectStorage
from settings.stack import Settings


@dataclass(frozen=True)
class Foundation:
    """The network, the group of everything, and the buckets by the name of their backing service."""

    group: Group
    network: Network
    buckets: Mapping[str, Bucket]

    @property
    def monthly(self) -> float:
        """USD. Spaces has one price for all buckets of an account."""
        return max((bucket.monthly for bucket in self.buckets.values()), default=0.0)

    @property
    def urns(self) -> list[pulumi.Output[str]]:
        """What the project lists. A network belongs to no project."""
        return [bucket.bucket_urn for bucket in self.buckets.values()]


def lay(settings: Settings) -> Foundation:
    """Declare the foundation of a stack on DigitalOcean."""
    name, architecture = settings.name, settings.architecture
    return Foundation(
        group=Group(name, GroupArgs(settings.product.name, settings.stack, settings.tags)),
        network=Network(name, NetworkArgs(architecture.region, architecture.network)),
        buckets={
            backing: Bucket(f"{name}-{backing}", bucket_args(settings, backing, storage))
            for backing, storage in settings.product.backing.items()
            if isinstance(storage, ObjectStorage) and storage.provider == "managed"
        },
    )


def bucket_args(settings: Settings, backing: str, storage: ObjectStorage) -> BucketArgs:
    """A bucket is near its product, unless the stack file says otherwise."""
    return BucketArgs(
        bucket=storage.bucket or f"{settings.name}-{backing}",
        region=storage.region or settings.architecture.region,
        lifecycle=storage.lifecycle,
        versioning=storage.versioning,
        public=storage.public,
    )
