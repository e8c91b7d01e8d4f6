"""What outlives a kind: made under names of its own and protected, so that changing `kind:` replaces compute alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.bucket import Bucket, BucketArgs
from components.database import Database, Trusted, database_args
from components.network import Network, NetworkArgs
from components.project import Group, GroupArgs
from components.share import Share, ShareArgs
from settings import managed, prices
from settings.backing import ObjectStorage
from settings.kinds import AppPlatform, FleetCompose
from settings.stack import Settings


@dataclass(frozen=True)
class Foundation:
    """The network, the group of everything, the buckets and databases by the name of their backing service, and what
    the hosts of a fleet keep in common."""

    group: Group
    network: Network
    buckets: Mapping[str, Bucket]
    databases: Mapping[str, Database]
    share: Share | None = None

    @property
    def monthly(self) -> float:
        """USD. Spaces has one price for all buckets of an account."""
        databases = sum(database.monthly for database in self.databases.values())
        return databases + max((bucket.monthly for bucket in self.buckets.values()), default=0.0)

    @property
    def urns(self) -> list[pulumi.Output[str]]:
        """What the project lists. A network belongs to no project."""
        buckets = [bucket.bucket_urn for bucket in self.buckets.values()]
        return [*buckets, *(database.urn_of_cluster for database in self.databases.values())]

    @property
    def facts(self) -> dict[str, Mapping[str, pulumi.Output[str]]]:
        """How services reach what is in it, by the name of the backing service."""
        buckets = {name: bucket.facts for name, bucket in self.buckets.items()}
        return {**buckets, **{name: database.facts for name, database in self.databases.items()}}


def lay(settings: Settings) -> Foundation:
    """Declare the foundation of a stack on DigitalOcean."""
    name, architecture = settings.name, settings.architecture
    group = Group(name, GroupArgs(settings.product.name, settings.stack, settings.tags))
    network = Network(name, NetworkArgs(architecture.region, architecture.network))
    # an app has no tag, and its id comes too late: its first deployment migrates. It is alone in its network
    alone = isinstance(architecture, AppPlatform)
    trusted = Trusted("ip_addr", architecture.network) if alone else Trusted("tag", group.hosts())
    where = (architecture.region, network.id, trusted, group.tags)
    return Foundation(
        group=group,
        network=network,
        buckets={
            backing: Bucket(f"{name}-{backing}", bucket_args(settings, backing, storage))
            for backing, storage in settings.product.backing.items()
            if isinstance(storage, ObjectStorage) and storage.provider == "managed"
        },
        databases={
            backing: Database(f"{name}-{backing}", database_args(service, settings.product.name, *where))
            for backing, service in settings.product.backing.items()
            if not isinstance(service, ObjectStorage) and service.provider == "managed"
        },
        share=_share(settings, network),
    )


def monthly_cost(settings: Settings, monthly: float) -> str:
    """What is exported of `monthly`, USD: the sum, and what has no price in the table and is not in it."""
    architecture = settings.architecture
    left_out = ["the share"] if isinstance(architecture, FleetCompose) and architecture.share is not None else []
    left_out += managed.unpriced(settings.product)
    without = f" without {' and '.join(left_out)}" if left_out else ""
    return f"{monthly:.2f} USD{without}, by the prices of {prices.AS_OF}"


def _share(settings: Settings, network: Network) -> Share | None:
    architecture = settings.architecture
    if not isinstance(architecture, FleetCompose) or architecture.share is None:
        return None
    return Share(settings.name, ShareArgs(architecture.region, network.id, architecture.share))


def bucket_args(settings: Settings, backing: str, storage: ObjectStorage) -> BucketArgs:
    """A bucket is near its product, unless the stack file says otherwise."""
    return BucketArgs(
        bucket=storage.bucket or f"{settings.name}-{backing}",
        region=storage.region or settings.architecture.region,
        lifecycle=storage.lifecycle,
        versioning=storage.versioning,
        public=storage.public,
    )
