"""A private network that outlives what runs in it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component


@dataclass(frozen=True)
class NetworkArgs:
    """`cidr` is a private IPv4 range, /16 to /28; DigitalOcean replaces the network when it or the region changes."""

    region: str
    cidr: str


class Network(Component):
    """A VPC. Protected: everything that has an address in it would go with it."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        vpc = digitalocean.Vpc(
            f"{name}-vpc", name=name, region=args.region, ip_range=args.cidr, opts=self.child(protect=True)
        )
        self.id = vpc.id
        self.urn_of_vpc = vpc.vpc_urn
        self.register_outputs({"id": self.id})
