"""Block storage volumes: recorded; nothing is attached to a container."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar

from rehearsal.provider.digitalocean.catalog import REGIONS
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, Resource, known, matches
from rehearsal.provider.store import Record
from rehearsal.provider.values import Properties

_ERROR = "Error creating Volume: POST https://api.digitalocean.com/v2/volumes: 422 "
_LARGEST = 16 * 1024


class Volume(Recorded):
    """`digitalocean:index/volume:Volume`; grows, never shrinks."""

    token = "digitalocean:index/volume:Volume"  # noqa: S105
    required = ("region", "size")
    optional = (
        "description",
        "filesystemType",
        "initialFilesystemLabel",
        "initialFilesystemType",
        "name",
        "snapshotId",
        "tags",
    )
    computed = ("dropletIds", "filesystemLabel", "filesystemType", "volumeUrn")
    named = "name"
    unordered = frozenset({"tags"})
    table = "volumes"
    described_as = "volume"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        kind = known(inputs, "initialFilesystemType")
        if kind is not None and kind not in ("ext4", "xfs"):
            return [
                Failure(
                    "initialFilesystemType", f'expected initial_filesystem_type to be one of ["ext4" "xfs"], got {kind}'
                )
            ]
        size = known(inputs, "size")
        return (
            [Failure("size", f"expected size to be at least (1), got {size}")] if size is not None and size < 1 else []
        )

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if inputs["region"] not in REGIONS:
            raise RefusedError(_ERROR + "region is invalid")
        if not matches(r"[a-z][a-z0-9\-]{0,62}[a-z0-9]|[a-z]", inputs["name"]):
            raise RefusedError(
                _ERROR + "name must be lowercase, begin with a letter, and hold letters, numbers and dashes: at most 64"
            )
        if any((row["name"], row["region"]) == (inputs["name"], inputs["region"]) for row in rows.values()):
            raise RefusedError(_ERROR + "volume already exists with that name in this region")
        if inputs["size"] > _LARGEST:
            raise RefusedError(_ERROR + f"disk size must be at most {_LARGEST} GiB")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {
            "dropletIds": [],
            "filesystemLabel": inputs.get("initialFilesystemLabel", ""),
            "filesystemType": inputs.get("initialFilesystemType", inputs.get("filesystemType", "")),
            "volumeUrn": f"do:volume:{identifier}",
        }

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        if inputs["size"] < state["size"]:
            raise RefusedError("volumes `size` can only be expanded and not shrunk")
        return super().update(context, identifier, state, inputs)

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        row = context.store.read()[self.table].get(identifier, {})
        if row.get("dropletIds"):
            raise RefusedError("Error deleting volume: 409 volume is still attached to a droplet: detach it first")
        super().delete(context, identifier, state)


class VolumeAttachment(Resource):
    """`digitalocean:index/volumeAttachment:VolumeAttachment`."""

    token = "digitalocean:index/volumeAttachment:VolumeAttachment"  # noqa: S105
    required = ("dropletId", "volumeId")
    optional: ClassVar[tuple[str, ...]] = ()

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        droplet, volume = int(inputs["dropletId"]), inputs["volumeId"]
        error = f"Error attaching volume to droplet after retry timeout: Error attaching volume ({volume}): "
        with context.store.transaction() as account:
            row, host = account["volumes"].get(volume), account["droplets"].get(str(droplet))
            if row is None or host is None:
                raise RefusedError("Error retrieving volume: 404 The resource you were accessing could not be found.")
            if row["region"] != host["region"]:
                raise RefusedError(error + "422 volume and droplet must be in the same region")
            if row["dropletIds"] not in ([], [droplet]):
                raise RefusedError(error + "422 volume is already attached to a droplet")
            row["dropletIds"] = [droplet]
        return f"{droplet}-{volume}-{secrets.token_hex(8)}", {}

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        row = context.store.read()["volumes"].get(state["volumeId"], {})
        return {} if row.get("dropletIds") == [int(state["dropletId"])] else None

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            row = account["volumes"].get(state["volumeId"])
            if row is not None:
                row["dropletIds"] = []
