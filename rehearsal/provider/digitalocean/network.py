"""VPCs and reserved addresses."""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rehearsal.provider.digitalocean.catalog import REGIONS, RESERVED_IN, RESERVED_RANGES
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, Resource, known, matches, now
from rehearsal.provider.store import Record
from rehearsal.provider.values import Properties

_MEMBERS = ("droplets", "load_balancers", "database_clusters", "database_replicas", "apps")
_PRIVATE = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class Vpc(Recorded):
    """`digitalocean:index/vpc:Vpc`."""

    token = "digitalocean:index/vpc:Vpc"  # noqa: S105
    required = ("region",)
    optional = ("description", "ipRange", "name")
    computed = ("createdAt", "default", "ipRange", "vpcUrn")
    named = "name"
    table = "vpcs"
    described_as = "resource"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = []
        if known(inputs, "ipRange") is not None and _network(inputs["ipRange"]) is None:
            failures.append(
                Failure(
                    "ipRange", f'expected "ip_range" to be a valid IPv4 Value, got {inputs["ipRange"]}: invalid CIDR'
                )
            )
        if len(known(inputs, "description") or "") > 255:
            failures.append(Failure("description", "expected length of description to be in the range (0 - 255)"))
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if not matches(r"[a-zA-Z0-9\-.]+", inputs["name"]):
            raise RefusedError(
                "Error creating VPC: 422 Name can only contain alphanumeric characters, dashes, and periods."
            )
        if any(row["name"] == inputs["name"] for row in rows.values()):
            raise RefusedError("Error creating VPC: 422 a vpc with this name already exists.")
        if identifier is None:
            _refuse_range(rows, inputs)

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"createdAt": now(), "default": False, "vpcUrn": f"do:vpc:{identifier}"}

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        with context.store.transaction() as account:
            given = {**inputs, "ipRange": inputs.get("ipRange") or free_range(account[self.table].values())}
        identifier, added = super().create(context, given)
        context.cloud.add_network(identifier, inputs["name"], given["ipRange"])
        return identifier, {**added, "ipRange": given["ipRange"]}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            rows = [row for table in _MEMBERS for row in account[table].values()]
            if any(identifier in (row.get("vpcUuid"), row.get("privateNetworkUuid")) for row in rows):
                raise RefusedError(
                    f"Error deleting VPC: DELETE https://api.digitalocean.com/v2/vpcs/{identifier}: "
                    "409 Can not delete VPC with members"
                )
            gone = account[self.table].pop(identifier, None)
        if gone:
            context.cloud.remove_network(identifier)


def _network(text: Any) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _refuse_range(rows: Mapping[str, Record], inputs: Properties) -> None:
    if inputs["region"] not in REGIONS:
        raise RefusedError("Error creating VPC: 422 invalid region")
    wanted = ipaddress.IPv4Network(inputs["ipRange"], strict=False)
    if str(wanted) != inputs["ipRange"]:
        raise RefusedError(
            f"Error creating VPC: 422 IP range {inputs['ipRange']} is not a network address: host bits are set"
        )
    if not any(wanted.subnet_of(block) for block in _PRIVATE if isinstance(block, ipaddress.IPv4Network)):
        raise RefusedError("Error creating VPC: 422 IP range must be in the private address ranges of RFC1918")
    if not 16 <= wanted.prefixlen <= 28:
        raise RefusedError("Error creating VPC: 422 IP range may not be smaller than /28 nor larger than /16")
    reserved = [ipaddress.ip_network(block) for block in (*RESERVED_RANGES, RESERVED_IN[inputs["region"]])]
    if any(wanted.overlaps(block) for block in reserved):
        raise RefusedError(f"Error creating VPC: 422 IP range is reserved for internal use in {inputs['region']}")
    taken = [ipaddress.ip_network(row["ipRange"]) for row in rows.values()]
    if any(wanted.overlaps(other) for other in taken):
        raise RefusedError("Error creating VPC: 422 This range/size overlaps with another VPC network in your account.")


def free_range(rows: Iterable[Record]) -> str:
    """A /20 that no other network of the account overlaps, as the API picks one."""
    taken = [ipaddress.ip_network(row["ipRange"]) for row in rows]
    for block in ipaddress.IPv4Network("10.108.0.0/14").subnets(new_prefix=20):
        if not any(block.overlaps(other) for other in taken):
            return str(block)
    raise RefusedError("Error creating VPC: 422 no free network range is left in your account")


def default_vpc(context: Context, region: str) -> str:
    """The region's default network, where the program names none; made when it is first used."""
    with context.store.exclusive("networks"), context.store.transaction() as account:
        for identifier, row in account["vpcs"].items():
            if row["region"] == region and row.get("default"):
                return identifier
        identifier, block = str(uuid.uuid4()), free_range(account["vpcs"].values())
        account["vpcs"][identifier] = {"name": f"default-{region}", "region": region, "ipRange": block, "default": True}
    context.cloud.add_network(identifier, f"default-{region}", block)
    return identifier


class ReservedIp(Recorded):
    """`digitalocean:index/reservedIp:ReservedIp`: its id is the address."""

    token = "digitalocean:index/reservedIp:ReservedIp"  # noqa: S105
    required = ("region",)
    optional = ("dropletId", "ipAddress")
    computed = ("ipAddress", "reservedIpUrn")
    table = "reserved_ips"

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        if inputs["region"] not in REGIONS:
            raise RefusedError("Error creating reserved IP: 422 Region is invalid")
        address = context.cloud.reserve()
        with context.store.transaction() as account:
            account[self.table][address] = {"region": inputs["region"], "ipAddress": address}
        if inputs.get("dropletId"):
            assign(context, address, str(inputs["dropletId"]))
        return address, {"ipAddress": address, "reservedIpUrn": f"do:reservedip:{address}"}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        assign(context, identifier, str(inputs["dropletId"]) if inputs.get("dropletId") else None)
        return {}

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        row = context.store.read()[self.table].get(identifier)
        if row is None:
            return None
        tied = "dropletId" in state and "dropletId" in row
        return {
            "region": row["region"],
            "ipAddress": identifier,
            **({"dropletId": int(row["dropletId"])} if tied else {}),
        }

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            gone = account[self.table].pop(identifier, None)
        if gone:
            context.cloud.release(identifier)


class ReservedIpAssignment(Resource):
    """`digitalocean:index/reservedIpAssignment:ReservedIpAssignment`."""

    token = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"  # noqa: S105
    required = ("dropletId", "ipAddress")
    optional: ClassVar[tuple[str, ...]] = ()

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        assign(context, inputs["ipAddress"], str(inputs["dropletId"]))
        return f"{inputs['dropletId']}-{inputs['ipAddress']}-{secrets.token_hex(8)}", {}

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        row = context.store.read()["reserved_ips"].get(state["ipAddress"], {})
        return {} if row.get("dropletId") == str(state["dropletId"]) else None

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        row = context.store.read()["reserved_ips"].get(state["ipAddress"], {})
        if row.get("dropletId") == str(state["dropletId"]):
            assign(context, state["ipAddress"], None)


def assign(context: Context, address: str, droplet: str | None) -> None:
    """Leads a reserved address to a droplet of its region, or nowhere."""
    error = f"Error assigning reserved IP ({address}) to the droplet: "
    with context.store.transaction() as account:
        row = account["reserved_ips"].get(address)
        if row is None:
            raise RefusedError(f"{error}404 The resource you were accessing could not be found.")
        target = account["droplets"].get(droplet) if droplet else None
        if droplet and target is None:
            raise RefusedError(f"{error}422 Droplet does not exist")
        if target and target["region"] != row["region"]:
            raise RefusedError(f"{error}422 Reserved IP and Droplet must be in the same region")
        if droplet:
            row["dropletId"] = droplet
        else:
            row.pop("dropletId", None)
    context.cloud.assign(address, droplet)
