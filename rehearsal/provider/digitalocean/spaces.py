"""Spaces buckets and their keys, which open them; policies and rules are recorded, and nothing follows from them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.digitalocean.catalog import SPACES_REGIONS
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches, now
from rehearsal.provider.store import Record
from rehearsal.provider.values import UNKNOWN, Properties

_PERMISSIONS = ("read", "readwrite", "fullaccess")


def _region_failures(inputs: Properties) -> list[Failure]:
    region = known(inputs, "region")
    if region is None or str(region).lower() in SPACES_REGIONS:
        return []
    return [Failure("region", f"expected region to be one of {sorted(SPACES_REGIONS)}, got {region}")]


def _refuse_without_keys(context: Context) -> None:
    # the real provider takes them from its configuration or, for the default provider, from its environment
    configured = context.config.get("spacesAccessId") and context.config.get("spacesSecretKey")
    if not (configured or (os.environ.get("SPACES_ACCESS_KEY_ID") and os.environ.get("SPACES_SECRET_ACCESS_KEY"))):
        raise RefusedError("Error creating bucket: Spaces credentials not configured")


class SpacesBucket(Recorded):
    """`digitalocean:index/spacesBucket:SpacesBucket`: its id is its name, taken over all accounts of a region."""

    token = "digitalocean:index/spacesBucket:SpacesBucket"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = (
        "acl",
        "corsRules",
        "forceDestroy",
        "lifecycleRules",
        "name",
        "region",
        "versioning",
    )
    computed = ("bucketDomainName", "bucketUrn", "endpoint")
    defaults: ClassVar[Mapping[str, Any]] = {"acl": "private", "forceDestroy": False, "region": "nyc3"}
    named = "name"
    table = "buckets"
    described_as = "bucket"

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = _region_failures(inputs)
        acl = inputs["acl"]
        if acl is not UNKNOWN and acl not in ("private", "public-read"):
            failures.append(Failure("acl", f"Error putting Spaces ACL: InvalidArgument: {acl}"))
        for rule in known(inputs, "lifecycleRules") or ():
            if rule is not UNKNOWN and "enabled" not in rule:
                failures.append(
                    Failure("lifecycleRules", 'The argument "enabled" is required, but no definition was found.')
                )
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_without_keys(context)
        name = inputs["name"]
        if not matches(r"[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]", name):
            raise RefusedError(
                f"Error creating Spaces bucket: InvalidBucketName: {name}: 3 to 63 letters, numbers, dashes"
            )
        if identifier is None and name in rows:
            raise RefusedError("Error creating Spaces bucket: BucketAlreadyExists")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        region = inputs["region"]
        return {
            "bucketDomainName": f"{identifier}.{region}.digitaloceanspaces.com",
            "bucketUrn": f"do:space:{identifier}",
            "endpoint": f"{region}.digitaloceanspaces.com",
        }

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        identifier, added = super().create(context, inputs)
        context.cloud.add_bucket(identifier)
        return identifier, added

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        super().delete(context, identifier, state)
        context.cloud.remove_bucket(identifier)


class _OnBucket(Recorded):
    """What is set on a bucket that exists; its id is the bucket's name."""

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["bucket"])

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_without_keys(context)
        bucket = context.store.read()["buckets"].get(inputs["bucket"])
        if bucket is None or bucket["region"] != inputs["region"]:
            raise RefusedError(f"NoSuchBucket: {inputs['bucket']} in {inputs['region']}\n\tstatus code: 404")


class BucketPolicy(_OnBucket):
    """`digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy`."""

    token = "digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy"  # noqa: S105
    required = ("bucket", "policy", "region")
    table = "bucket_policies"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        policy = known(inputs, "policy")
        if policy is not None:
            try:
                json.loads(policy)
            except ValueError as error:
                return [Failure("policy", f'"policy" contains an invalid JSON: {error}')]
        return _region_failures(inputs)


class BucketCors(_OnBucket):
    """`digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration`."""

    token = "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration"  # noqa: S105
    required = ("bucket", "corsRules", "region")
    unordered = frozenset({"corsRules", "allowedHeaders", "allowedMethods", "allowedOrigins", "exposeHeaders"})
    table = "bucket_cors"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        return _region_failures(inputs)


class SpacesKey(Recorded):
    """`digitalocean:index/spacesKey:SpacesKey`: the secret is shown once, when the key is made."""

    token = "digitalocean:index/spacesKey:SpacesKey"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = ("grants", "name")
    computed = ("accessKey", "createdAt", "secretKey")
    secret_outputs = ("secretKey",)
    named = "name"
    table = "spaces_keys"
    described_as = "key"

    def new_id(self, inputs: Properties) -> str:
        return "DO801" + secrets.token_hex(8).upper()[:15]

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        for grant in inputs.get("grants", ()):
            if grant.get("permission") not in _PERMISSIONS:
                raise RefusedError(f"Error creating Spaces key: 400 invalid permission {grant.get('permission')}")
            if grant["permission"] == "fullaccess":
                if grant.get("bucket"):
                    raise RefusedError("Error creating Spaces key: 400 a fullaccess grant must not name a bucket")
            elif grant.get("bucket") not in context.store.read()["buckets"]:
                raise RefusedError(f"Error creating Spaces key: 400 bucket {grant.get('bucket')} does not exist")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"accessKey": identifier, "createdAt": now(), "secretKey": secrets.token_urlsafe(32)[:43]}

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        identifier, added = super().create(context, inputs)
        context.cloud.set_key(identifier, str(added["secretKey"]), _granted(inputs))
        return identifier, added

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        changed = super().update(context, identifier, state, inputs)
        context.cloud.set_key(identifier, None, _granted(inputs))
        return changed

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        super().delete(context, identifier, state)
        context.cloud.remove_key(identifier)


def _granted(inputs: Properties) -> list[dict[str, str]]:
    return [
        {"bucket": str(grant.get("bucket") or ""), "permission": str(grant["permission"])}
        for grant in inputs.get("grants", ())
    ]
