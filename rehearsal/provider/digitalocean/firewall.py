"""Cloud firewalls, by droplet and by tag; on the local cloud each host gets the union of those that stand before it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from rehearsal.provider.backend import Opening, rules_of
from rehearsal.provider.resource import Context, Failure, Recorded, RefusedError, known, matches, now
from rehearsal.provider.store import Account, Record
from rehearsal.provider.values import UNKNOWN, Properties

_ERROR = "Error creating firewall: POST https://api.digitalocean.com/v2/firewalls: 422 "
_MOST_DROPLETS, _MOST_TAGS, _MOST_RULES = 10, 5, 50
_HIGHEST_PORT = 65535


class Firewall(Recorded):
    """`digitalocean:index/firewall:Firewall`."""

    token = "digitalocean:index/firewall:Firewall"  # noqa: S105
    optional: ClassVar[tuple[str, ...]] = ("dropletIds", "inboundRules", "name", "outboundRules", "tags")
    computed = ("createdAt", "pendingChanges", "status")
    named = "name"
    unordered = frozenset(
        {"dropletIds", "tags", "inboundRules", "outboundRules", "sourceAddresses", "sourceDropletIds", "sourceTags"}
        | {"sourceLoadBalancerUids", "destinationAddresses", "destinationDropletIds", "destinationTags"}
        | {"destinationLoadBalancerUids"}
    )
    table = "firewalls"
    described_as = "firewall"

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        if not inputs.get("inboundRules") and not inputs.get("outboundRules"):
            return [Failure("inboundRules", "At least one rule must be specified")]
        failures = []
        for side, direction in (("inboundRules", "inbound"), ("outboundRules", "outbound")):
            for rule in known(inputs, side) or ():
                if rule is UNKNOWN:
                    continue
                protocol = rule.get("protocol")
                if protocol is not UNKNOWN and protocol not in ("tcp", "udp", "icmp"):
                    failures.append(
                        Failure(side, f'expected protocol to be one of ["tcp" "udp" "icmp"], got {protocol}')
                    )
                elif protocol in ("tcp", "udp") and rule.get("portRange") in (None, ""):
                    failures.append(
                        Failure(side, f"`port_range` of {direction} rules is required if protocol is `tcp` or `udp`")
                    )
        return failures

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        if not matches(r"[a-zA-Z0-9][a-zA-Z0-9.\-]+", inputs["name"]):
            raise RefusedError(_ERROR + "name must only contain alphanumeric characters, dashes and periods")
        if any(row["name"] == inputs["name"] for row in rows.values()):
            raise RefusedError(_ERROR + "duplicate name")
        if len(inputs.get("dropletIds", ())) > _MOST_DROPLETS:
            raise RefusedError(_ERROR + f"a firewall can be applied to a maximum of {_MOST_DROPLETS} droplets")
        if len(inputs.get("tags", ())) > _MOST_TAGS:
            raise RefusedError(_ERROR + f"a firewall can have a maximum of {_MOST_TAGS} tags")
        rules = [*inputs.get("inboundRules", ()), *inputs.get("outboundRules", ())]
        if len(rules) > _MOST_RULES:
            raise RefusedError(_ERROR + f"a firewall can have a maximum of {_MOST_RULES} rules")
        for rule in rules:
            _refuse_rule(rule)
        account = context.store.read()
        _refuse_targets(account, inputs)
        for uid in (uid for rule in rules for uid in _balancers(rule)):
            if uid not in account["load_balancers"]:
                raise RefusedError(_ERROR + f"failed to find load balancer {uid}")

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        return {"createdAt": now(), "status": "succeeded", "pendingChanges": []}

    def apply(self, context: Context) -> None:
        apply_firewalls(context)


def _refuse_targets(account: Account, inputs: Properties) -> None:
    for droplet in inputs.get("dropletIds", ()):
        if str(droplet) not in account["droplets"]:
            raise RefusedError(_ERROR + f"failed to find droplet {droplet}")
    for tag in inputs.get("tags", ()):
        if tag not in account["tags"]:
            raise RefusedError(_ERROR + f"tag {tag} does not exist")


def _refuse_rule(rule: Mapping[str, Any]) -> None:
    ports = str(rule.get("portRange", ""))
    if rule.get("action", "allow") != "allow":
        raise RefusedError("the rehearsal's firewall has no rules that deny yet")
    if rule["protocol"] == "icmp":
        if ports:
            raise RefusedError(_ERROR + "ports may not be specified for icmp")
    elif not _valid_ports(ports):
        raise RefusedError(_ERROR + f"invalid port range: {ports}")
    for key in ("sourceAddresses", "destinationAddresses"):
        for address in rule.get(key, ()):
            try:
                ipaddress.ip_network(address, strict=False)
            except ValueError:
                raise RefusedError(_ERROR + f"invalid address: {address}") from None
    if not any(value for key, value in rule.items() if key.startswith(("source", "destination"))):
        raise RefusedError(_ERROR + "must specify at least one source or destination")


def _valid_ports(text: str) -> bool:
    if text in ("all", "0"):
        return True
    first, dash, last = text.partition("-")
    ends = [first, last] if dash else [first]
    if not all(end.isascii() and end.isdigit() for end in ends):
        return False
    numbers = [int(end) for end in ends]
    return numbers == sorted(numbers) and numbers[0] >= 1 and numbers[-1] <= _HIGHEST_PORT


def apply_firewalls(context: Context) -> None:
    """Gives every host what its firewalls let pass now; only where that changed."""
    with context.store.exclusive("firewalls"):
        account = context.store.read()
        for droplet, row in account["droplets"].items():
            if "ipv4Address" not in row:
                continue
            before = [firewall for firewall in account["firewalls"].values() if _stands_before(firewall, droplet, row)]
            inbound = _openings(account, before, "inboundRules") if before else None
            outbound = _openings(account, before, "outboundRules")
            wanted = {"in": None if inbound is None else rules_of(inbound), "out": rules_of(outbound)}
            if account["shields"].get(droplet) == wanted or not context.cloud.exists(droplet):
                continue
            context.cloud.shield(droplet, inbound, outbound)
            with context.store.transaction() as latest:
                if droplet in latest["droplets"]:
                    latest["shields"][droplet] = wanted


def _stands_before(firewall: Record, droplet: str, row: Record) -> bool:
    named = droplet in {str(item) for item in firewall.get("dropletIds", ())}
    return named or bool(set(firewall.get("tags", ())) & set(row["tags"]))


def _openings(account: Account, firewalls: Iterable[Record], side: str) -> list[Opening]:
    openings = [
        Opening(rule["protocol"], _ports(rule), tuple(sorted(_others(account, rule))))
        for firewall in firewalls
        for rule in firewall.get(side, ())
    ]
    return [opening for opening in openings if opening.others]  # a tag that no droplet has lets nobody in


def _ports(rule: Mapping[str, Any]) -> str:
    ports = str(rule.get("portRange", ""))
    return "all" if ports in ("", "0", "1-65535") else ports


def _others(account: Account, rule: Mapping[str, Any]) -> Iterable[str]:
    for address in (*rule.get("sourceAddresses", ()), *rule.get("destinationAddresses", ())):
        yield str(ipaddress.ip_network(address, strict=False))
    ids = {str(item) for key in ("sourceDropletIds", "destinationDropletIds") for item in rule.get(key, ())}
    tags = {tag for key in ("sourceTags", "destinationTags") for tag in rule.get(key, ())}
    yield from droplet_addresses(account, ids, tags)
    for balancer in _balancers(rule):
        row = account["load_balancers"].get(balancer, {})
        yield from (f"{row[key]}/32" for key in ("ip", "privateAddress") if key in row)


def _balancers(rule: Mapping[str, Any]) -> Iterable[str]:
    return (uid for key in ("sourceLoadBalancerUids", "destinationLoadBalancerUids") for uid in rule.get(key, ()))


def droplet_addresses(account: Account, ids: Collection[str], tags: Collection[str]) -> Iterable[str]:
    """Both addresses, as CIDRs, of each droplet that is named or has one of the tags."""
    for identifier, row in account["droplets"].items():
        if identifier in ids or not set(tags).isdisjoint(row["tags"]):
            yield from (f"{row[key]}/32" for key in ("ipv4Address", "ipv4AddressPrivate") if row.get(key))
