"""The product's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi

from components.component import Component
from settings.stack import Dns


class Zone(Component):
    """The zone of the product's names, made and protected where the stack file asks for it; else it is there already.

    `urns` has the cloud's own URN of a zone that is made here.
    """

    def __init__(self, name: str, dns: Dns, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.zone: pulumi.Input[str] = dns.zone or ""
        self.urns: list[pulumi.Output[str]] = []
        if dns.create_zone:
            import pulumi_digitalocean as digitalocean

            domain = digitalocean.Domain(f"{name}-domain", name=self.zone, opts=self.child(protect=True))
            self.zone, self.urns = domain.name, [domain.domain_urn]
        self.register_outputs({"zone": self.zone})


@dataclass(frozen=True)
class NamesArgs:
    """Each of `domains` gets a record for `address`, where and how `dns` says, in `zone`; none while it says so.

    The record is an A, or a CNAME where the address is a name itself.
    """

    domains: Sequence[str]
    address: pulumi.Input[str]
    dns: Dns
    zone: Zone
    type: Literal["A", "CNAME"] = "A"


class Names(Component):
    """Records at DigitalOcean or Cloudflare, or `records`: lines for somebody to enter."""

    def __init__(self, name: str, args: NamesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.records: pulumi.Output[list[str]] = pulumi.Output.from_input(args.address).apply(
            lambda address: [_line(domain, address, args) for domain in args.domains]
        )
        if args.dns.records and args.dns.provider == "digitalocean":
            self._at_digitalocean(name, args)
        elif args.dns.records and args.dns.provider == "cloudflare":
            self._at_cloudflare(name, args)
        self.register_outputs({"records": self.records})

    def _at_digitalocean(self, name: str, args: NamesArgs) -> None:
        import pulumi_digitalocean as digitalocean

        for domain_name in args.domains:
            digitalocean.DnsRecord(
                f"{name}-{domain_name}",
                domain=args.zone.zone,
                name=_within(domain_name, args.dns.zone or ""),
                type=args.type,
                value=args.address if args.type == "A" else pulumi.Output.concat(args.address, "."),
                ttl=args.dns.ttl,
                opts=self.child(delete_before_replace=True),
            )

    def _at_cloudflare(self, name: str, args: NamesArgs) -> None:
        import pulumi_cloudflare as cloudflare

        for domain_name in args.domains:
            cloudflare.DnsRecord(
                f"{name}-{domain_name}",
                zone_id=args.dns.zone_id or "",
                name=domain_name,
                type=args.type,
                content=args.address,
                ttl=args.dns.ttl if args.dns.ttl >= 60 else 60,  # Cloudflare's least for a record that it doesn't proxy
                proxied=False,  # who answers at the address has the certificate
                comment="managed by slipway",
                opts=self.child(delete_before_replace=True),
            )


def _line(domain: str, address: str, args: NamesArgs) -> str:
    """A record as somebody enters it. A zone's own name can have no CNAME: many a provider calls what it can ALIAS."""
    if args.type == "A":
        return f"{domain}. {args.dns.ttl} IN A {address}"
    return f"{domain}. {args.dns.ttl} IN {'ALIAS' if domain == args.dns.zone else 'CNAME'} {address}."


def _within(domain: str, zone: str) -> str:
    """A record's name as DigitalOcean writes it: relative to its zone, `@` for the zone itself."""
    return "@" if domain == zone else domain.removesuffix(f".{zone}")
