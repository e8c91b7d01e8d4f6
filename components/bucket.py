"""A bucket with a key that opens it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices
from settings.backing import Lifecycle


@dataclass(frozen=True)
class BucketArgs:
    """`bucket` is the name in its URL, one for the whole region; `lifecycle` says in days when objects go."""

    bucket: str
    region: str
    lifecycle: Lifecycle
    versioning: bool = True
    public: bool = False


class Bucket(Component):
    """A Spaces bucket, protected, private unless it says otherwise, and a scoped key for the product."""

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        bucket = digitalocean.SpacesBucket(
            f"{name}-bucket",
            name=args.bucket,
            region=args.region,
            acl="public-read" if args.public else "private",
            versioning={"enabled": args.versioning},
            lifecycle_rules=[_lifecycle_rule(args)],
            force_destroy=False,
            opts=self.child(protect=True),
        )
        key = digitalocean.SpacesKey(
            f"{name}-key",
            name=args.bucket,
            grants=[{"bucket": bucket.name, "permission": "readwrite"}],
            opts=self.child(),
        )
        self.monthly = prices.SPACES
        self.bucket_urn = bucket.bucket_urn
        self.facts: dict[str, pulumi.Output[str]] = {
            "bucket": bucket.name.apply(str),
            "endpoint": pulumi.Output.concat("https://", args.region, ".digitaloceanspaces.com"),
            "region": pulumi.Output.from_input(args.region),
            "access_key": key.access_key,
            "secret_key": pulumi.Output.secret(key.secret_key),
        }
        self.register_outputs({"bucket": bucket.name})


def _lifecycle_rule(args: BucketArgs) -> digitalocean.SpacesBucketLifecycleRuleArgs:
    lifecycle = args.lifecycle
    return digitalocean.SpacesBucketLifecycleRuleArgs(
        id="keep-it-small",
        enabled=True,
        abort_incomplete_multipart_upload_days=lifecycle.abort_uploads_after,
        expiration={"days": lifecycle.expire_after} if lifecycle.expire_after else None,
        noncurrent_version_expiration={"days": lifecycle.expire_old_versions_after}
        if args.versioning and lifecycle.expire_old_versions_after
        else None,
    )
