"""SSH keys, tags and projects: what belongs to an account more than to a machine."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from typing import ClassVar

from rehearsal.provider.digitalocean.droplet import BAD_TAG, TAG
from rehearsal.provider.digitalocean.following import follow
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches, now, number
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties

_KEYS = "Error creating SSH Key: POST https://api.digitalocean.com/v2/account/keys: 422 "
# the kinds that a project can hold, and where the stand-in keeps them
_GROUPED = {
    "droplet": "droplets", "domain": "domains", "volume": "volumes", "space": "buckets", "reservedip": "reserved_ips",
    "floatingip": "reserved_ips", "loadbalancer": "load_balancers", "dbaas": "database_clusters", "app": "apps",
}  # fmt: skip


class SshKey(Recorded):
    """`digitalocean:index/sshKey:SshKey`."""

    token = "digitalocean:index/sshKey:SshKey"  # noqa: S105
    required = ("publicKey",)
    optional = ("name",)
    computed = ("fingerprint",)
    named = "name"
    table = "ssh_keys"
    described_as = "resource"

    def new_id(self, inputs: Properties) -> str:
        return number()

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if _fingerprint(inputs["publicKey"]) is None:
            raise RefusedError(
                _KEYS + "Key invalid key type, we support 'ssh-rsa', 'ssh-dss', 'ecdsa-sha2-nistp*' and 'ssh-ed25519'"
            )
        if any(row["fingerprint"] == _fingerprint(inputs["publicKey"]) for row in rows.values()):
            raise RefusedError(_KEYS + "SSH Key is already in use on your account")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"fingerprint": _fingerprint(inputs["publicKey"])}


def _fingerprint(text: str) -> str | None:
    """MD5 with colons, as the API shows it; None for what is no public key."""
    parts = text.split()
    kinds = ("ssh-rsa", "ssh-ed25519", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
    if len(parts) < 2 or parts[0] not in kinds:
        return None
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        return None
    if parts[0].encode() not in blob[:40]:
        return None
    digest = hashlib.md5(blob).hexdigest()  # noqa: S324 - the API's fingerprint
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class Tag(Recorded):
    """`digitalocean:index/tag:Tag`: its id is its name; making one that exists is fine, as with the API."""

    token = "digitalocean:index/tag:Tag"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = ("name",)
    computed = (
        "databasesCount",
        "dropletsCount",
        "imagesCount",
        "totalResourceCount",
        "volumeSnapshotsCount",
        "volumesCount",
    )
    named = "name"
    table = "tags"

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        name = known(inputs, "name")
        return [] if name is None or matches(TAG, name) else [Failure("name", BAD_TAG)]

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return dict.fromkeys(self.computed, 0)

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        account = context.store.read()
        if identifier not in account[self.table]:
            return None
        tables = {"droplets": "droplets", "volumes": "volumes", "databases": "database_clusters"}
        counts = {f"{kind}Count": _tagged(account, table, identifier) for kind, table in tables.items()}
        return {"name": identifier, **counts, "totalResourceCount": sum(counts.values())}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            account[self.table].pop(identifier, None)
            for table in ("droplets", "volumes", "firewalls", "database_clusters"):
                for row in account[table].values():
                    row["tags"] = [tag for tag in row.get("tags", ()) if tag != identifier]
        follow(context)


def _tagged(account: Account, table: str, tag: str) -> int:
    return sum(tag in row.get("tags", ()) for row in account[table].values())


class Project(Recorded):
    """`digitalocean:index/project:Project`."""

    token = "digitalocean:index/project:Project"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = ("description", "environment", "isDefault", "name", "purpose", "resources")
    computed = ("createdAt", "ownerId", "ownerUuid", "resources", "updatedAt")
    defaults: ClassVar[Mapping[str, object]] = {"description": "", "isDefault": False, "purpose": "Web Application"}
    named = "name"
    unordered = frozenset({"resources"})
    table = "projects"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        environment = known(inputs, "environment")
        if environment is not None and str(environment).lower() not in ("development", "staging", "production"):
            allowed = '["development" "staging" "production"]'
            return [Failure("environment", f"expected environment to be one of {allowed}, got {environment}")]
        lengths = {"name": (1, 175), "description": (0, 255), "purpose": (0, 255)}
        return [
            Failure(key, f"expected length of {key} to be in the range ({low} - {high}), got {inputs[key]}")
            for key, (low, high) in lengths.items()
            if key in inputs and inputs[key] is not UNKNOWN and not low <= len(inputs[key]) <= high
        ]

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if any(row["name"] == inputs["name"] for row in rows.values()):
            raise RefusedError("Error creating Project: 409 name is already in use")
        _refuse_missing(context, inputs.get("resources", ()), "Error creating Project: Error assigning resources: ")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        identifier, added = super().create(context, inputs)
        return identifier, {**added, "resources": inputs.get("resources", [])}

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        moment = now()
        owner = "00000000-0000-4000-8000-000000000001"
        return {"createdAt": moment, "updatedAt": moment, "ownerId": 1, "ownerUuid": owner}


class ProjectResources(Recorded):
    """`digitalocean:index/projectResources:ProjectResources`: its id is the project's."""

    token = "digitalocean:index/projectResources:ProjectResources"  # noqa: S105
    required = ("project", "resources")
    unordered = frozenset({"resources"})
    table = "project_resources"

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["project"])

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        _refuse_missing(context, inputs["resources"], "Error assigning resources: ")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        if inputs["project"] not in context.store.read()["projects"]:
            raise RefusedError(f"Error assigning resources to project {inputs['project']}: 404 project not found")
        return super().create(context, inputs)


def _refuse_missing(context: Context, urns: Iterable[str], error: str) -> None:
    """A project takes what exists and what it can hold, by its URN."""
    account = context.store.read()
    for urn in urns:
        scheme, _, rest = str(urn).partition(":")
        kind, _, name = rest.partition(":")
        if scheme != "do" or kind not in _GROUPED:
            raise RefusedError(f"{error}400 {urn} is not a valid URN of a resource that a project can hold")
        if name not in account[_GROUPED[kind]]:
            raise RefusedError(f"{error}404 resource {urn} not found")
