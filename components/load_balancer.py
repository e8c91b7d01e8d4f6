"""The cloud's load balancer: one address for all hosts, with a certificate that renews itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices

HEALTH = "/.slipway/health"
"""What each host's nginx answers for the balancer (hostfiles.nginx): whether this host should get requests."""
CHECK_SECONDS = 10
FAILURES_OUT, SUCCESSES_IN = 2, 2
"""A host leaves after two failed checks, so within 20 s (requirement DV6), and returns after two good ones."""
MOST_DROPLETS = 10
"""That the cloud takes one by one (docs.digitalocean.com, load balancer limits)."""
IDLE_SECONDS = 600
"""The longest that the cloud allows (docs.digitalocean.com, load balancer limits): for event streams and WebSockets."""


@dataclass(frozen=True)
class LoadBalancerArgs:
    """`zone` is known at DigitalOcean before the certificate is asked for: its authority looks there.

    `nodes` is the balancer's own size; each takes 10,000 connections. `encrypt_to_hosts`: HTTPS on the inside, too.
    """

    region: str
    network_id: pulumi.Input[str]
    domains: Sequence[str]
    droplet_ids: Sequence[pulumi.Input[str]]
    tag: pulumi.Input[str]
    nodes: int = 1
    encrypt_to_hosts: bool = False


class LoadBalancer(Component):
    """A balancer that ends TLS, sends HTTP to HTTPS, and asks each host every ten seconds whether it is well.

    It names the hosts one by one, not by a tag: a host enters once it serves, and leaves before it is removed. Of more
    hosts than the cloud takes by name it knows the tag, and a host enters and leaves by its health alone.

    It holds no data and is as short-lived as the hosts: with the kind it goes, and its address with it.
    """

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        certificate = digitalocean.Certificate(
            f"{name}-certificate",
            # every change makes another certificate, and the old one can't go while the balancer uses it
            name=f"{name}-{hashlib.sha256(','.join(args.domains).encode()).hexdigest()[:8]}",
            type="lets_encrypt",
            domains=list(args.domains),
            opts=self.child(delete_before_replace=False),  # the name is ours, for which the provider would delete first
        )
        by_tag = len(args.droplet_ids) > MOST_DROPLETS
        inside = ("https", 443) if args.encrypt_to_hosts else ("http", 80)
        self.balancer = digitalocean.LoadBalancer(
            f"{name}-balancer",
            name=name,
            region=args.region,
            vpc_uuid=args.network_id,
            size_unit=args.nodes,
            droplet_ids=None
            if by_tag
            else [pulumi.Output.from_input(droplet).apply(int) for droplet in args.droplet_ids],
            droplet_tag=args.tag if by_tag else None,
            redirect_http_to_https=True,
            disable_lets_encrypt_dns_records=True,  # the names are this program's own records
            http_idle_timeout_seconds=IDLE_SECONDS,
            forwarding_rules=[
                _rule("http", 80, *inside),
                _rule("https", 443, *inside, certificate=certificate.name),
            ],
            healthcheck=digitalocean.LoadBalancerHealthcheckArgs(
                protocol=inside[0],
                port=inside[1],
                path=HEALTH,
                check_interval_seconds=CHECK_SECONDS,
                response_timeout_seconds=5,
                unhealthy_threshold=FAILURES_OUT,
                healthy_threshold=SUCCESSES_IN,
            ),
            # not protected: it needs the hosts, which would stay with it when everything else is destroyed
            opts=self.child(),
        )
        self.id = self.balancer.id
        self.address: pulumi.Output[str] = self.balancer.ip
        self.urn_of_balancer = self.balancer.load_balancer_urn
        self.monthly = prices.LOAD_BALANCER_NODE * args.nodes
        self.register_outputs({"address": self.address})


def _rule(
    protocol: str, port: int, target: str, target_port: int, certificate: pulumi.Input[str] | None = None
) -> digitalocean.LoadBalancerForwardingRuleArgs:
    return digitalocean.LoadBalancerForwardingRuleArgs(
        entry_protocol=protocol,
        entry_port=port,
        target_protocol=target,
        target_port=target_port,
        certificate_name=certificate,
    )
