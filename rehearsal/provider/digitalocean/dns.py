"""Zones and records; the local cloud's resolver answers with all of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from rehearsal.provider.backend import Name
from rehearsal.provider.digitalocean.balancing import certificates_of
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches, number
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties

_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "TXT", "SRV", "SOA")
_POINTS_TO_NAMES = ("CNAME", "MX", "NS", "SRV")
_ZONE_TTL = 1800
_CREATE = "Error creating Domain: POST https://api.digitalocean.com/v2/domains: 422 "
_LOWEST_TTL = 30


class Domain(Recorded):
    """`digitalocean:index/domain:Domain`: its id is its name."""

    token = "digitalocean:index/domain:Domain"  # noqa: S105
    required = ("name",)
    optional = ("ipAddress",)
    computed = ("domainUrn", "ttl")
    table = "domains"

    def new_id(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        name = inputs["name"]
        if not matches(r"(?=.{4,253}$)([a-z0-9]([a-z0-9\-]*[a-z0-9])?\.)+[a-z]{2,}", name):
            raise RefusedError(f"{_CREATE}Domain '{name}' is not valid.")
        if name in rows:
            raise RefusedError(f"{_CREATE}Domain '{name}' already exists.")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"domainUrn": f"do:domain:{identifier}", "ttl": _ZONE_TTL}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            account[self.table].pop(identifier, None)
            records = account["records"]  # the cloud takes a zone's records with it
            for key in [key for key, row in records.items() if row["domain"] == identifier]:
                del records[key]
        self.apply(context)

    def apply(self, context: Context) -> None:
        publish(context)


class DnsRecord(Recorded):
    """`digitalocean:index/dnsRecord:DnsRecord`."""

    token = "digitalocean:index/dnsRecord:DnsRecord"  # noqa: S105
    required = ("domain", "type", "value")
    optional = ("flags", "name", "port", "priority", "tag", "ttl", "weight")
    computed = ("fqdn", "ttl")
    volatile: ClassVar[tuple[str, ...]] = ("fqdn",)
    named = "name"
    table = "records"
    described_as = "resource"

    def new_id(self, inputs: Properties) -> str:
        return number()

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        kind, failures = inputs["type"], []
        if kind is not UNKNOWN and kind not in _TYPES:
            failures.append(Failure("type", f"expected type to be one of [{' '.join(map(repr, _TYPES))}], got {kind}"))
        needs = {"MX": ("priority",), "SRV": ("priority", "weight", "port"), "CAA": ("flags", "tag")}.get(kind, ())
        failures += [
            Failure(key, f"`{key}` is required for when type is `{kind}`") for key in needs if key not in inputs
        ]
        ttl = known(inputs, "ttl")
        if ttl is not None and ttl < 1:
            failures.append(Failure("ttl", f"expected ttl to be at least (1), got {ttl}"))
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        error = "Failed to create record: 422 " if identifier is None else "Failed to update record: 422 "
        kind, value, name = inputs["type"], str(inputs["value"]), str(inputs["name"])
        if not matches(r"@|\*|(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_.])?", name):
            raise RefusedError(error + "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, ., _ and -)")
        if kind in ("A", "AAAA") and not _is_address(value, 4 if kind == "A" else 6):
            raise RefusedError(
                f"{error}IP address did not match IPv{4 if kind == 'A' else 6} format (e.g. {_example(kind)})."
            )
        if kind in _POINTS_TO_NAMES and value != "@" and not value.endswith("."):
            raise RefusedError(error + "Data needs to end with a dot (.)")
        if inputs.get("ttl", _ZONE_TTL) < _LOWEST_TTL:
            raise RefusedError(f"{error}TTL must be at least {_LOWEST_TTL} seconds")
        same = [row for row in rows.values() if (row["domain"], row["name"]) == (inputs["domain"], name)]
        if any("CNAME" in (kind, row["type"]) for row in same):
            raise RefusedError(error + "CNAME records cannot share a name with other records")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"fqdn": fqdn(inputs["name"], inputs["domain"]), "ttl": inputs.get("ttl", _ZONE_TTL)}

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        if inputs["domain"] not in context.store.read()["domains"]:
            raise RefusedError(
                f"Failed to create record: POST https://api.digitalocean.com/v2/domains/{inputs['domain']}/records: "
                "404 The resource you were accessing could not be found."
            )
        return super().create(context, inputs)

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        super().update(context, identifier, state, inputs)
        with context.store.transaction() as account:
            added = self.describe(identifier, inputs)
            account[self.table][identifier].update(added)
        return added

    def apply(self, context: Context) -> None:
        publish(context)


def fqdn(name: str, domain: str) -> str:
    """The whole name, as ConstructFqdn in resource_record.go makes it."""
    if name == "@":
        return domain
    lowered = name.lower()
    return lowered.rstrip(".") if lowered.endswith(f"{domain}.") else f"{name}.{domain}"


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _example(kind: str) -> str:
    return "123.123.123.123" if kind == "A" else "2001:db8::1"


def publish(context: Context) -> None:
    """Gives the resolver every record of every provider."""
    with context.store.exclusive("names"):
        account = context.store.read()
        sources = (_digitalocean, _of_balancers, _of_databases, _of_apps, _cloudflare)
        found = [name for source in sources for name in source(account)]
        names = {(item.name, item.type, item.value): item for item in reversed(found)}
        context.cloud.publish_names([names[key] for key in sorted(names)])


def _digitalocean(account: Account) -> list[Name]:
    names = [_name(row["name"], row["ipAddress"]) for row in account["domains"].values() if row.get("ipAddress")]
    for row in account["records"].values():
        value = row["domain"] if row["value"] == "@" else str(row["value"]).rstrip(".")
        if row["type"] == "SRV":
            value = f"{row['priority']} {row['weight']} {row['port']} {value}"
        names.append(Name(fqdn(row["name"], row["domain"]), row["type"], value, int(row.get("ttl", _ZONE_TTL))))
    return names


def _of_balancers(account: Account) -> list[Name]:
    """Those that the cloud itself makes for a balancer's certificates, unless it is told not to."""
    return [
        _name(domain, row["ip"])
        for row in account["load_balancers"].values()
        if row.get("ip") and not row["disableLetsEncryptDnsRecords"]
        for certificate in sorted(certificates_of(row))
        for domain in account["certificates"].get(certificate, {}).get("domains", ())
    ]


def _of_databases(account: Account) -> list[Name]:
    """The names of the servers, which lead to a database over the internet and within its network."""
    names = []
    for row in (*account["database_clusters"].values(), *account["database_replicas"].values()):
        if "publicAddress" in row:
            names += [_name(row["host"], row["publicAddress"]), _name(row["privateHost"], row["privateAddress"])]
    for row in account["database_clusters"].values():
        if row["engine"] == "mongodb":  # its URL names the cluster, not a port
            names += [
                Name(f"_mongodb._tcp.{row[key]}", "SRV", f"0 0 {row['port']} {row[key]}", _ZONE_TTL)
                for key in ("host", "privateHost")
                if key in row
            ]
    return names


def _of_apps(account: Account) -> list[Name]:
    """The platform's own name of each app, those that it writes into zones of the account, and where logs go."""
    names = []
    for row in account["apps"].values():
        if "ip" in row:
            zoned = [each["name"] for each in row["spec"].get("domainNames") or () if each.get("zone")]
            names += [_name(name, row["ip"]) for name in (row["ingress"], *zoned)]
        names += [_name(urlsplit(place).hostname or "", address) for place, address in row.get("receivers", {}).items()]
    return names


def _cloudflare(account: Account) -> list[Name]:
    return [
        Name(row["name"].rstrip("."), row["type"], str(row["content"]).rstrip("."), int(row.get("ttl", 1)))
        for row in account["cloudflare_records"].values()
        if row.get("content")
    ]


def _name(name: str, address: Any) -> Name:
    return Name(name, "A", str(address), _ZONE_TTL)
