"""Rules on data: that it stays, and that it stays ours."""

from __future__ import annotations

from collections.abc import Iterator

from policies.network import DROPLET
from policies.rule import Context, Violation, rule

BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
SPACES_KEY = "digitalocean:index/spacesKey:SpacesKey"

HOLDS_DATA: dict[str, str] = {
    "digitalocean:index/databaseCluster:DatabaseCluster": "a database",
    "digitalocean:index/databaseReplica:DatabaseReplica": "a database's replica",
    BUCKET: "a bucket",
    "digitalocean:index/volume:Volume": "a volume",
    "digitalocean:index/nfs:Nfs": "a share",
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
        if what is not None and not resource.protect:
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


@rule("no-backups", "warning", "A machine that people depend on is backed up.")
def no_backups(context: Context) -> Iterator[Violation]:
    if not context.is_production:
        return
    for droplet in context.graph.of(DROPLET):
        if not droplet.inputs.get("backups"):
            right = "slipway:architecture.backups: weekly or daily"
            yield Violation(droplet.name, "has no backups", right, droplet.urn)


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


RULES = (unprotected_data, public_bucket, wide_key, no_backups)
