"""The cloud's firewall: what may reach the hosts at all. The hosts' own firewall says the same again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Inside:
    """Ports that only machines with one of these tags, or these load balancers, may reach."""

    ports: Sequence[int]
    tags: Sequence[pulumi.Input[str]] = ()
    load_balancers: Sequence[pulumi.Input[str]] = ()


@dataclass(frozen=True)
class FirewallArgs:
    """Hosts are chosen by `tag`, so that the firewall is there before the first of them and no cycle arises.

    Several firewalls before one host add up: what one of them lets in comes in.
    """

    tag: pulumi.Input[str]
    admin_cidrs: Sequence[str]
    public_ports: Sequence[int] = (80, 443)
    inside: Sequence[Inside] = ()


class Firewall(Component):
    """SSH from the admin ranges, the public ports and ping from anywhere, what is inside from inside, nothing else.

    Everything may go out.
    """

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        firewall = digitalocean.Firewall(
            f"{name}-rules",
            name=name,
            tags=[args.tag],
            inbound_rules=[
                *([_inbound("tcp", "22", args.admin_cidrs)] if args.admin_cidrs else []),
                *(_inbound("tcp", str(port), ANYWHERE) for port in args.public_ports),
                _inbound("icmp", None, ANYWHERE),
                *(_from_inside(port, inside) for inside in args.inside for port in inside.ports),
            ],
            # without a rule nothing goes out; "all" because 1-65535 reads back as a change
            outbound_rules=[_outbound("tcp", "all"), _outbound("udp", "all"), _outbound("icmp", None)],
            opts=self.child(),
        )
        self.id = firewall.id
        self.register_outputs({"id": self.id})


def _inbound(protocol: str, ports: str | None, sources: Sequence[str]) -> digitalocean.FirewallInboundRuleArgs:
    return digitalocean.FirewallInboundRuleArgs(protocol=protocol, port_range=ports, source_addresses=list(sources))


def _from_inside(port: int, inside: Inside) -> digitalocean.FirewallInboundRuleArgs:
    return digitalocean.FirewallInboundRuleArgs(
        protocol="tcp",
        port_range=str(port),
        source_tags=list(inside.tags) or None,
        source_load_balancer_uids=list(inside.load_balancers) or None,
    )


def _outbound(protocol: str, ports: str | None) -> digitalocean.FirewallOutboundRuleArgs:
    return digitalocean.FirewallOutboundRuleArgs(
        protocol=protocol, port_range=ports, destination_addresses=list(ANYWHERE)
    )
