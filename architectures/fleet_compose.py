"""Several droplets with Docker behind a load balancer, released as one.

internet ─► names ─► balancer (TLS) ─► VPC ─► web hosts: UFW, guard ─► nginx ─► containers of the slot that serves
                                        ├─► hosts for data: backing services in containers, on private addresses
                                        └─► managed databases, which trust this stack's hosts; a share of files
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from architectures import droplet_compose, foundation, machines, wiring
from components.dns import Names, NamesArgs, Zone
from components.droplet import Droplet, DropletArgs, LoginKey
from components.firewall import Firewall, FirewallArgs, Inside
from components.fleet_release import FleetRelease, FleetReleaseArgs, Member
from components.host_setup import HostSetup, HostSetupArgs
from components.keys import Keys
from components.leaving import Leaving
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.monitoring import Monitoring, MonitoringArgs
from hostfiles import balancer_host, bundle, compose_host, engines
from settings.kinds import FleetCompose, HAProxyBalancer, of_kind
from settings.placement import data_hosts, data_volume, hosted
from settings.stack import Settings

LAST_REQUESTS = 45
"""Seconds between a host's leaving the balancer and its removal: longer than any answer that is no stream takes."""


def build(settings: Settings) -> Mapping[str, Any]:
    """Declare the stack and return its outputs."""
    fleet = _Fleet(settings)
    data = [fleet.data_host(number) for number in range(len(data_hosts(settings.product)))]
    share = fleet.base.share
    addresses = [host.private_address for host in data]
    values = wiring.gather(settings, fleet.base.facts, addresses, share.source if share else None)
    prepared = [fleet.prepare_data(number, host, values) for number, host in enumerate(data)]
    web = [fleet.web_host(number) for number in range(1, fleet.architecture.hosts + 1)]
    manifest = wiring.render(values, lambda plain: droplet_compose.manifest(settings, plain))
    members = [fleet.prepare_web(host, manifest, prepared) for host in web]
    released = fleet.release(members, values)
    balancer = fleet.balance(web, released)
    names = Names(
        f"{settings.name}-names", NamesArgs(settings.product.domains, balancer.address, settings.dns, fleet.zone)
    )
    fleet.prepare_balancer(balancer, web, [names, released])
    watched = [fleet.base.group.hosts(), *([balancer.tag] if balancer.tag is not None else [])]
    monitoring = Monitoring(
        f"{settings.name}-monitoring",
        MonitoringArgs(machines.watched(settings), watched, settings.alerts),
        opts=pulumi.ResourceOptions(depends_on=[names, *fleet.setups()]),
    )
    hosts = [*web, *data]
    fleet.base.group.add([*(host.droplet_urn for host in hosts), balancer.urn, *fleet.base.urns, *fleet.zone.urns])
    monthly = fleet.base.monthly + balancer.monthly + monitoring.monthly + sum(host.monthly for host in hosts)
    return {
        "url": f"https://{settings.product.domain}/",
        "health": machines.health_url(settings),
        "address": balancer.address,
        "hosts": {host.name: host.address for host in [*hosts, *([balancer.host] if balancer.host else [])]},
        "login": machines.login(web[0].address),
        "known_hosts": pulumi.Output.all(
            *(
                machines.known_host(pulumi.Output.from_input(member.address), pulumi.Output.from_input(member.host_key))
                for member, _ in fleet.prepared
            )
        ).apply("\n".join),
        "release": machines.release(settings),
        "dns_records": names.records if settings.dns.provider == "print" else None,
        "monthly_cost": foundation.monthly_cost(settings, monthly),
    }


@dataclass(frozen=True)
class _Balancer:
    """The way in. Where it is a `host` of the stack's own, that one has a `tag` of its own, too."""

    address: pulumi.Output[str]
    urn: pulumi.Output[str]
    monthly: float
    host: Droplet | None = None
    tag: pulumi.Output[str] | None = None


class _Fleet:
    """The parts of a fleet, in the words of its diagram."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.name = settings, settings.name
        self.architecture = of_kind(settings.architecture, FleetCompose)
        self.base = foundation.lay(settings)
        self.zone = Zone(f"{self.name}-zone", settings.dns)
        self.keys = Keys(f"{self.name}-keys")
        self.login_key = LoginKey(self.name, self.keys.deploy_public)
        self.prepared: list[tuple[Member, HostSetup]] = []
        self.web_tag = self.base.group.part("web")
        host_tag = self.base.group.hosts()
        self.ssh = Firewall(f"{self.name}-firewall", FirewallArgs(host_tag, settings.access.admin_cidrs, ()))
        ports = sorted({engines.PORTS[backing.engine] for backing in hosted(settings.product).values()})
        self.data_firewall = (
            Firewall(
                f"{self.name}-data-firewall",
                FirewallArgs(self._data_tag(), (), (), [Inside(ports, tags=[self.web_tag, self._data_tag()])]),
            )
            if ports
            else None
        )

    def web_host(self, number: int) -> Droplet:
        """A host of the product. Its number is its name: a fleet that grows or shrinks changes none that stays."""
        host = self._droplet(f"{self.name}-{number}", self.architecture.size, self.web_tag)
        Leaving(f"{host.name}-leaving", host.id, LAST_REQUESTS)
        return host

    def data_host(self, number: int) -> Droplet:
        """A host of backing services, with a volume if one of them asks for it."""
        volume = data_volume(self.settings.product, number)
        return self._droplet(self._data_name(number), self.architecture.data_size, self._data_tag(), volume)

    def _data_tag(self) -> pulumi.Output[str]:
        return self.base.group.part("data")

    def _data_name(self, number: int) -> str:
        return f"{self.name}-data-{number + 1}"

    def _droplet(self, name: str, size: str, tag: pulumi.Input[str], volume: int | None = None) -> Droplet:
        args = dataclasses.replace(
            self._machine(size, [self.base.group.hosts(), tag]),
            backups=self.architecture.backups,
            volume=volume,
            reserved_address=False,  # the balancer's address is the one that matters
        )
        shields = [self.ssh, *([self.data_firewall] if self.data_firewall else [])]
        return Droplet(name, args, opts=pulumi.ResourceOptions(depends_on=shields))

    def _machine(self, size: str, tags: list[pulumi.Input[str]]) -> DropletArgs:
        return DropletArgs(
            region=self.architecture.region,
            size=size,
            image=self.architecture.image,
            network_id=self.base.network.id,
            user_data=machines.user_data(self.keys),
            login_key=self.login_key.fingerprint,
            tags=[*self.base.group.tags, *tags],
        )

    def prepare_data(self, number: int, host: Droplet, values: wiring.Plain) -> HostSetup:
        """A host of backing services, set up with what it runs."""

        def manifest(plain: wiring.Values) -> str:
            token = droplet_compose.registry_token(self.settings, plain)
            made = compose_host.data_manifest(
                self.settings, number, plain.data_hosts, plain.passwords, self._data_name(number), token
            )
            return bundle.bundle(made.as_dict())

        setup = self._prepare(host, wiring.render(values, manifest), [host])[1]
        machines.unmount_first(host, setup, self.keys)
        return setup

    def prepare_web(self, host: Droplet, manifest: pulumi.Output[dict[str, Any]], data: list[HostSetup]) -> Member:
        """A host of the product, set up and without a release yet."""
        own = manifest.apply(lambda shared: bundle.bundle({**shared, "hostname": host.name}))
        return self._prepare(host, own, [host, *data])[0]

    def setups(self) -> list[HostSetup]:
        """Of every host that was prepared so far."""
        return [setup for _, setup in self.prepared]

    def _prepare(
        self, host: Droplet, manifest: pulumi.Output[str], after: list[pulumi.Resource]
    ) -> tuple[Member, HostSetup]:
        setup = HostSetup(
            f"{host.name}-host",
            HostSetupArgs(host.id, host.address, self.keys, manifest),
            opts=pulumi.ResourceOptions(depends_on=after),
        )
        self.prepared.append((Member(host.name, host.address, setup.host_key), setup))
        return self.prepared[-1]

    def release(self, members: list[Member], values: wiring.Plain) -> FleetRelease:
        """The product on all hosts."""
        request = wiring.render(values, lambda plain: droplet_compose.release(self.settings, plain))
        owner = f"pulumi up -s {self.settings.stack}"
        return FleetRelease(
            f"{self.name}-fleet",
            FleetReleaseArgs(members, self.keys, request, owner),
            # a host's key is known before the host is prepared
            opts=pulumi.ResourceOptions(depends_on=self.setups()),
        )

    def balance(self, hosts: list[Droplet], released: FleetRelease) -> _Balancer:
        """The way in, and nobody else to the hosts. A host enters it once it serves."""
        balancer = self.architecture.balancer
        if isinstance(balancer, HAProxyBalancer):
            return self._own_balancer(balancer)
        made = LoadBalancer(
            f"{self.name}-web",
            LoadBalancerArgs(
                region=self.architecture.region,
                network_id=self.base.network.id,
                domains=self.settings.product.domains,
                droplet_ids=[host.id for host in hosts],
                tag=self.web_tag,
                nodes=balancer.nodes,
                encrypt_to_hosts=balancer.encrypt_to_hosts,
            ),
            opts=pulumi.ResourceOptions(depends_on=[released, self.zone]),
        )
        # both, as the hosts listen for both: this follows the balancer, which may change over from one to the other
        self._let_in(Inside((80, 443), load_balancers=[made.id]))
        return _Balancer(made.address, made.urn_of_balancer, made.monthly)

    def _own_balancer(self, balancer: HAProxyBalancer) -> _Balancer:
        """A droplet with an address that outlives it. It is none of the hosts that databases trust."""
        tag = self.base.group.part("balancer")
        shield = Firewall(f"{self.name}-balancer-firewall", FirewallArgs(tag, self.settings.access.admin_cidrs))
        args = dataclasses.replace(self._machine(balancer.size, [tag]), backups="off")
        host = Droplet(f"{self.name}-balancer", args, opts=pulumi.ResourceOptions(depends_on=[shield]))
        self._let_in(Inside((80,), tags=[tag]))
        return _Balancer(host.address, host.droplet_urn, host.monthly, host, tag)

    def _let_in(self, inside: Inside) -> None:
        Firewall(f"{self.name}-web-firewall", FirewallArgs(self.web_tag, (), (), [inside]))

    def prepare_balancer(self, balancer: _Balancer, hosts: list[Droplet], after: list[pulumi.Resource]) -> None:
        """Where it is a host of the stack's own: set up, once its names lead to it and the hosts behind it serve."""
        if (own := balancer.host) is None:
            return
        names = [host.name for host in hosts]

        def manifest(addresses: list[str]) -> str:
            behind = dict(zip(names, addresses, strict=True))
            return bundle.bundle(balancer_host.manifest(self.settings, behind, own.name).as_dict())

        addresses = pulumi.Output.all(*(host.private_address for host in hosts))
        self._prepare(own, addresses.apply(manifest), [own, *after])
