"""Rules on data: that it stays, and that it stays ours."""

from __future__ import annotations

from collections.abc import Iterator

from policies.containers import containers_of
from policies.graph import RELEASE_JSON, Graph, Host, Resource
from policies.network import DATABASE, DATABASE_FIREWALL, DROPLET
from policies.rule import Context, Violation, rule

BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
REPLICA = "digitalocean:index/databaseReplica:DatabaseReplica"
SHARE = "digitalocean:index/nfs:Nfs"
SHARE_REGIONS = frozenset({"ams3", "atl1", "nyc2"})
"""Where DigitalOcean offers shares, as far as it is known (2026-11): read in what others run there, in no list of its
own. So another region is a warning."""
_ONE_NODE = "db-s-1vcpu-1gb"
"""The size that takes no second node (settings.managed has the source; a policy pack can't read it)."""
SPACES_KEY = "digitalocean:index/spacesKey:SpacesKey"

HOLDS_DATA: dict[str, str] = {
    DATABASE: "a database",
    "digitalocean:index/databaseDb:DatabaseDb": "a database",
    DATABASE_FIREWALL: "what lets nobody but the product at a database",
    BUCKET: "a bucket",
    "digitalocean:index/volume:Volume": "a volume",
    SHARE: "a share",
    "digitalocean:index/domain:Domain": "a zone",
    "digitalocean:index/reservedIp:ReservedIp": "a reserved address",
    "digitalocean:index/vpc:Vpc": "a network that databases live in",
    "oci:Core/volume:Volume": "a volume",
    "oci:ObjectStorage/bucket:Bucket": "a bucket",
    "cloudflare:index/zone:Zone": "a zone",
    "cloudflare:index/r2Bucket:R2Bucket": "a bucket",
}
"""Types that nobody should lose by a change of a line, and what they are (requirement ALL4)."""


@rule("unprotected-data", "error", "What holds data, or a name that people know, can't be deleted by accident.")
def unprotected_data(context: Context) -> Iterator[Violation]:
    for resource in context.graph:
        what = HOLDS_DATA.get(resource.type)
        if what is not None and not resource.protect and not _is_of_replica(context.graph, resource):
            yield Violation(resource.name, f"is {what} without protection", "opts with protect=True", resource.urn)
        if resource.type == BUCKET and resource.inputs.get("forceDestroy"):
            what = "deletes its objects when it is deleted"
            yield Violation(resource.name, what, "force_destroy=False", resource.urn)


@rule("public-bucket", "error", "A bucket is private unless its product says otherwise.")
def public_bucket(context: Context) -> Iterator[Violation]:
    wanted = _public_on_purpose(context)
    for bucket in context.graph.of(BUCKET):
        if str(bucket.inputs.get("acl") or "").startswith("public"):
            on_purpose = bucket.inputs.get("name") in wanted
            what = "everybody can list and read its objects" if not on_purpose else "is public, as the stack file says"
            right = "acl private, and signed URLs"
            yield Violation(bucket.name, what, right, bucket.urn, "warning" if on_purpose else None)


@rule("wide-key", "error", "A product's storage key opens its own bucket and nothing else.")
def wide_key(context: Context) -> Iterator[Violation]:
    for key in context.graph.of(SPACES_KEY):
        for grant in key.blocks("grants"):
            if not grant.get("bucket") or grant.get("permission") == "fullaccess":
                right = "a grant of readwrite on one bucket"
                yield Violation(key.name, "opens every bucket of the account", right, key.urn)


@rule("share-region", "warning", "A share is in a region that has them.")
def share_region(context: Context) -> Iterator[Violation]:
    for share in context.graph.of(SHARE):
        region = share.inputs.get("region")
        if isinstance(region, str) and region not in SHARE_REGIONS:
            what = f"is in {region}, where no shares are known to be had"
            yield Violation(share.name, what, f"one of {', '.join(sorted(SHARE_REGIONS))}, or a bucket", share.urn)


@rule("no-backups", "warning", "A machine that people depend on is backed up.")
def no_backups(context: Context) -> Iterator[Violation]:
    if not context.is_production:
        return
    on_volumes = _on_volumes(context.graph)
    for share in context.graph.of(SHARE):
        what = "keeps data, and nothing copies it"
        yield Violation(share.name, what, "snapshots of the share, or copies kept elsewhere", share.urn)
    for droplet in context.graph.of(DROPLET):
        if not _may_keep_data(context.graph, droplet):
            continue
        if droplet.urn in on_volumes:
            what = "keeps data on a volume, which backups of a droplet leave out"
            yield Violation(droplet.name, what, "snapshots of the volume, or dumps kept elsewhere", droplet.urn)
        elif not droplet.inputs.get("backups"):
            right = "slipway:architecture.backups: weekly or daily"
            yield Violation(droplet.name, "has no backups", right, droplet.urn)


@rule("single-node", "note", "A database that people depend on has a node that takes over.")
def single_node(context: Context) -> Iterator[Violation]:
    if not context.is_production:
        return
    for cluster in context.graph.of(DATABASE):
        if cluster.inputs.get("nodeCount") == 1:
            what = "has a single node: while that is lost or maintained, there is none"
            right = "members: 3" if cluster.inputs.get("engine") == "mongodb" else "standby: true"
            if cluster.inputs.get("size") == _ONE_NODE:
                right += ", and a larger size: this one comes as one node"
            yield Violation(cluster.name, what, right, cluster.urn)


def _is_of_replica(graph: Graph, resource: Resource) -> bool:
    """Whether it lets nobody but the product at a read replica, with which it goes."""
    named = (graph.get(urn) for urn in resource.property_dependencies.get("clusterId", ()))
    return any(one is not None and one.type == REPLICA for one in named)


@rule("data-on-disk", "warning", "What people wrote outlives the machine that it lies on.")
def data_on_disk(context: Context) -> Iterator[Violation]:
    """A droplet can't be protected for it: nothing could be exchanged any more, and no stack would go but by hand."""
    if not context.is_production:
        return
    on_volumes = _on_volumes(context.graph)
    for host in context.graph.hosts:
        keeping = sorted(container.name for container in containers_of(host) if container.keeps_data)
        if host.droplet is None or host.droplet.urn in on_volumes or not keeping or _keeps_on_share(host):
            continue
        what = (
            f"keeps what {', '.join(keeping)} wrote on its own disk: it goes when the droplet is replaced or destroyed"
        )
        right = "`volume` in slipway:architecture, or of the backing service on a host of its own"
        yield Violation(host.droplet.name, what, right, host.droplet.urn)


def _on_volumes(graph: Graph) -> set[str]:
    """The URNs of the droplets that have a volume."""
    return {
        urn
        for attachment in graph.of("digitalocean:index/volumeAttachment:VolumeAttachment")
        for urn in attachment.property_dependencies.get("dropletId", ())
    }


def _may_keep_data(graph: Graph, droplet: Resource) -> bool:
    """Whether a droplet's loss may lose more than a release. One whose manifest nobody knows yet is not judged.

    Of what runs outside containers, nobody can tell where it writes.
    """
    hosts = [host for host in graph.hosts if host.droplet is droplet]
    if not hosts:
        return True
    for host in hosts:
        if _keeps_on_share(host):
            continue
        found = list(containers_of(host))
        is_released = any(file.get("path") == RELEASE_JSON for file in host.files)
        if any(container.keeps_data for container in found) or (is_released and not found):
            return True
    return False


def _keeps_on_share(host: Host) -> bool:
    """Whether what its services keep is on a share: the host's own disk has nothing of it."""
    return any(
        str(file.get("path")).endswith("_volumes.mount") and "\nType=nfs\n" in str(file.get("content"))
        for file in host.files
    )


def _public_on_purpose(context: Context) -> set[str]:
    """The names of the buckets that the stack file wants public."""
    settings = context.settings
    if settings is None:
        return set()
    return {
        backing.bucket or f"{settings.name}-{name}"
        for name, backing in settings.product.backing.items()
        if backing.engine == "object-storage" and backing.public
    }


RULES = (unprotected_data, public_bucket, wide_key, share_region, no_backups, single_node, data_on_disk)
