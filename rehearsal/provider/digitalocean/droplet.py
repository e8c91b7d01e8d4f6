"""Droplets: hosts on the local cloud."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from rehearsal.provider.backend import Machine
from rehearsal.provider.digitalocean.catalog import HOURS_A_MONTH, IMAGES, KNOWN_REGIONS, REGIONS, SIZES, offers
from rehearsal.provider.digitalocean.following import follow
from rehearsal.provider.digitalocean.network import default_vpc
from rehearsal.provider.resource import Context, Failure, RefusedError, Resource, known, matches, now, number
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import Properties

_CREATE = "Error creating droplet: POST https://api.digitalocean.com/v2/droplets: 422 "
TAG = r"[a-zA-Z0-9:\-_]{1,255}"
BAD_TAG = (
    "tags may contain lowercase letters, numbers, colons, dashes, and underscores; "
    "there is a limit of 255 characters per tag"
)
_LONGEST_USER_DATA = 64 * 1024
_SWITCHES: dict[str, Any] = {
    "backups": False,
    "gracefulShutdown": False,
    "ipv6": False,
    "monitoring": False,
    "resizeDisk": True,
}


class Droplet(Resource):
    """`digitalocean:index/droplet:Droplet`; the user data is kept as a hash, as the real provider does."""

    token = "digitalocean:index/droplet:Droplet"  # noqa: S105
    required = ("image", "size")
    optional = (
        "name",
        "region",
        "vpcUuid",
        "sshKeys",
        "userData",
        "tags",
        "volumeIds",
        "monitoring",
        "dropletAgent",
        "backups",
        "backupPolicy",
        "ipv6",
        "ipv6Address",
        "gracefulShutdown",
        "resizeDisk",
        "publicNetworking",
        "privateNetworking",
        "gpuPartitionMode",
    )
    computed = (
        "createdAt",
        "disk",
        "dropletUrn",
        "ipv4Address",
        "ipv4AddressPrivate",
        "ipv6Address",
        "locked",
        "memory",
        "priceHourly",
        "priceMonthly",
        "publicNetworking",
        "region",
        "status",
        "vcpus",
        "volumeIds",
        "vpcUuid",
    )
    defaults: ClassVar[Mapping[str, Any]] = _SWITCHES
    named = "name"
    hashed = frozenset({"userData"})
    unordered = frozenset({"sshKeys", "tags", "volumeIds"})

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = [
            Failure("tags", BAD_TAG)
            for tag in known(inputs, "tags") or ()
            if isinstance(tag, str) and not matches(TAG, tag)
        ]
        failures += [
            Failure(key, f'expected "{key}" to not be an empty string or zero')
            for key in ("image", "size", "userData", "vpcUuid")
            if inputs.get(key) == ""
        ]
        policy = known(inputs, "backupPolicy")
        if policy and not inputs.get("backups"):
            failures.append(Failure("backupPolicy", "backup_policy can only be set when backups are enabled"))
        if isinstance(policy, Mapping) and policy.get("plan", "daily") not in ("daily", "weekly"):
            failures.append(
                Failure("backupPolicy", f'expected plan to be one of ["daily" "weekly"], got {policy["plan"]}')
            )
        return failures

    def forces(self, old: Properties, new: Properties) -> tuple[str, ...]:
        """IPv6 can be turned on, never off (CustomizeDiff in resource_droplet.go)."""
        return ("ipv6",) if old.get("ipv6") and not new.get("ipv6") else ()

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        identifier = number()
        if "vpcUuid" not in inputs and inputs.get("region") in REGIONS:
            inputs = {**inputs, "vpcUuid": default_vpc(context, inputs["region"])}
        with context.store.transaction() as account:
            row = self._admit(account, inputs)
            keys = tuple(_public_key(account, str(item)) for item in inputs.get("sshKeys", ()))
            account["droplets"][identifier] = row
            for tag in row["tags"]:
                account["tags"].setdefault(tag, {"name": tag})
        size = SIZES[inputs["size"]]
        machine = Machine(
            name=inputs["name"],
            cpus=size.vcpus,
            memory=size.memory,
            disk=size.disk,
            image=inputs["image"],
            network=row["vpcUuid"],
            user_data=inputs.get("userData", ""),
            ssh_keys=keys,
        )
        context.log(f"booting {inputs['name']}")
        try:
            addresses = context.cloud.boot(identifier, machine)
        except Exception as error:
            with context.store.transaction() as account:
                account["droplets"].pop(identifier, None)
            raise RefusedError(f"the local cloud could not make {inputs['name']}: {error}") from error
        with context.store.transaction() as account:
            row = account["droplets"][identifier]
            row.update(ipv4Address=addresses.public, ipv4AddressPrivate=addresses.private)
        follow(context)
        return identifier, self._shown(identifier, row)

    def _admit(self, account: Account, inputs: Properties) -> Record:
        region, size = inputs.get("region", ""), inputs["size"]
        if not matches(r"[a-zA-Z0-9]?[a-z0-9A-Z.\-]*[a-z0-9A-Z]", inputs["name"]):
            raise RefusedError(_CREATE + "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
        if size not in SIZES:
            raise RefusedError(_CREATE + "You specified an invalid size for Droplet creation.")
        if region not in KNOWN_REGIONS:
            raise RefusedError(_CREATE + "You specified an invalid region for Droplet creation.")
        if region not in REGIONS:
            raise RefusedError(_CREATE + "Region is not available")
        if not offers(size, region):
            raise RefusedError(_CREATE + "Size is not available in this region.")
        if inputs["image"] not in IMAGES:
            raise RefusedError(_CREATE + "You specified an invalid image for Droplet creation.")
        if len(inputs.get("userData", "").encode()) > _LONGEST_USER_DATA:
            raise RefusedError(_CREATE + "User data is too long (maximum is 64 KiB)")
        network = inputs.get("vpcUuid", "")
        if account["vpcs"].get(network, {}).get("region") != region:
            raise RefusedError(_CREATE + "Failed to resolve VPC: it must exist in the Droplet's region.")
        return {
            **{key: inputs[key] for key in ("name", "image", "size", *_SWITCHES)},
            "region": region,
            "vpcUuid": network,
            "tags": sorted(inputs.get("tags", ())),
            "status": "active",
            "createdAt": now(),
            "volumeIds": sorted(inputs.get("volumeIds", ())),
            "userData": _hash(inputs.get("userData")),
        }

    def _shown(self, identifier: str, row: Record) -> Properties:
        size = SIZES[row["size"]]
        return {
            **{
                key: row[key]
                for key in ("name", "region", "size", "vpcUuid", "tags", "status", "createdAt", "volumeIds")
            },
            **{key: row[key] for key in _SWITCHES},
            **{key: row.get(key, "") for key in ("ipv4Address", "ipv4AddressPrivate", "ipv6Address")},
            **({"userData": row["userData"]} if row["userData"] else {}),
            "dropletUrn": f"do:droplet:{identifier}",
            "memory": size.memory,
            "vcpus": size.vcpus,
            "disk": size.disk,
            "locked": False,
            "priceMonthly": size.price,
            "priceHourly": round(size.price / HOURS_A_MONTH, 5),
            "publicNetworking": True,
        }

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        row = context.store.read()["droplets"].get(identifier)
        if row is None:
            return None
        if not context.cloud.exists(identifier):
            _forget(context, identifier)  # somebody removed it behind our back: nothing of it is left
            follow(context)
            return None
        return self._shown(identifier, row)

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        size = inputs["size"]
        with context.store.transaction() as account:
            row = account["droplets"].get(identifier)
            if row is None:
                raise RefusedError("404 The resource you were accessing could not be found.")
            before = SIZES[row["size"]]
            if size not in SIZES or not offers(size, row["region"]):
                raise RefusedError(
                    f"Error resizing droplet ({identifier}): 422 You specified an invalid size for Droplet resize."
                )
            if SIZES[size].disk < before.disk and size != row["size"]:
                raise RefusedError(
                    f"Error resizing droplet ({identifier}): 422 This size is not available: its disk is smaller."
                )
            row.update({key: inputs[key] for key in ("name", "size", *_SWITCHES)}, tags=sorted(inputs.get("tags", ())))
            for tag in row["tags"]:
                account["tags"].setdefault(tag, {"name": tag})
        if SIZES[size] != before:
            context.log(f"resizing {inputs['name']} to {size}: off and on again")
            context.cloud.resize(identifier, SIZES[size].vcpus, SIZES[size].memory)
        follow(context)
        return self._shown(identifier, row)

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        context.cloud.remove(identifier)
        _forget(context, identifier)
        follow(context)


def _forget(context: Context, identifier: str) -> None:
    with context.store.transaction() as account:
        account["droplets"].pop(identifier, None)
        account["shields"].pop(identifier, None)
        for row in account["volumes"].values():
            row["dropletIds"] = [item for item in row.get("dropletIds", ()) if str(item) != identifier]
        for row in account["reserved_ips"].values():
            if row.get("dropletId") == identifier:
                del row["dropletId"]
        for row in account["load_balancers"].values():
            if "dropletIds" in row:
                row["dropletIds"] = [item for item in row["dropletIds"] if str(item) != identifier]


def _hash(text: str | None) -> str:
    return hashlib.sha1(text.encode()).hexdigest() if text else ""  # noqa: S324 - what the real provider keeps


def _public_key(account: Account, wanted: str) -> str:
    for identifier, row in account["ssh_keys"].items():
        if wanted in (identifier, row["fingerprint"]):
            return str(row["publicKey"])
    raise RefusedError(f"{_CREATE}{wanted} are invalid key identifiers for Droplet creation.")
