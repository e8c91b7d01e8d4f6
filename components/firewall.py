"""The cloud's firewall: what may reach the hosts at all. The hosts' own firewall says the same again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class FirewallArgs:
    """Hosts are chosen by `tag`, so that the firewall is there before the first of them and no cycle arises."""

    tag: pulumi.Input[str]
    admin_cidrs: Sequence[str]
    public_ports: Sequence[int] = (80, 443)


class Firewall(Component):
    """SSH from the admin ranges, the public ports and ping from anywhere, nothing else; everything may go out."""

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        firewall = digitalocean.Firewall(
            f"{name}-rules",
            name=name,
            tags=[args.tag],
            inbound_rules=[
                _inbound("tcp", "22", args.admin_cidrs),
                *(_inbound("tcp", str(port), ANYWHERE) for port in args.public_ports),
                _inbound("icmp", None, ANYWHERE),
            ],
            # without a rule nothing goes out; "all" because 1-65535 reads back as a change
            outbound_rules=[_outbound("tcp", "all"), _outbound("udp", "all"), _outbound("icmp", None)],
            opts=self.child(),
        )
        self.id = firewall.id
        self.register_outputs({"id": self.id})


def _inbound(protocol: str, ports: str | None, sources: Sequence[str]) -> digitalocean.FirewallInboundRuleArgs:
    return digitalocean.FirewallInboundRuleArgs(protocol=protocol, port_range=ports, source_addresses=list(sources))


def _outbound(protocol: str, ports: str | None) -> digitalocean.FirewallOutboundRuleArgs:
    return digitalocean.FirewallOutboundRuleArgs(
        protocol=protocol, port_range=ports, destination_addresses=list(ANYWHERE)
    )
